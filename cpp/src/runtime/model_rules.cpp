#include "emotion/runtime/model_rules.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "emotion/calibration/isotonic_maps.hpp"
#include "emotion/calibration/prior.hpp"
#include "emotion/calibration/temperature.hpp"
#include "emotion/core/errors.hpp"
#include "model_arrays.hpp"

namespace emotion::runtime {

CalibrationSpec read_calibration(const TensorFile& file, const JsonValue& description, const std::string& prefix, std::size_t n_classes) {
    CalibrationSpec spec;
    if (description.is(Kind::null)) {
        return spec;
    }
    constexpr std::string_view prior = "prior";
    std::string kind = text_of(description, "kind", "its calibration");
    if (kind == prior || kind.starts_with("prior+")) {
        for (auto [key, values] : {std::pair{"trained_priors", &spec.trained_priors}, std::pair{"target_priors", &spec.target_priors}}) {
            const std::string name = prefix + key;
            *values = read_array<double>(file, name, {n_classes});
            try {
                calibration::validate_priors(*values, n_classes, name.c_str(), "its calibration");
            } catch (const InvalidInputError& error) {
                refuse(error.what());
            }
        }
        if (kind == prior) {
            return spec;
        }
        kind.erase(0, prior.size() + 1);
    }
    if (kind == "temperature") {
        const std::string name = prefix + "temperature";
        const std::vector<double> value = read_array<double>(file, name, {1});
        require_all(value, name, "within the range of temperatures",
                    [](double t) { return t >= calibration::min_temperature && t <= calibration::max_temperature; });
        spec.kind = CalibrationKind::temperature;
        spec.temperature = value[0];
    } else if (kind == "sigmoid") {
        spec.kind = CalibrationKind::sigmoid;
        spec.a = read_array<double>(file, prefix + "a", {n_classes});
        spec.b = read_array<double>(file, prefix + "b", {n_classes});
        require_all(spec.a, prefix + "a", "finite", is_finite);
        require_all(spec.b, prefix + "b", "finite", is_finite);
    } else if (kind == "isotonic") {
        spec.kind = CalibrationKind::isotonic;
        spec.isotonic.offsets = read_array<std::int64_t>(file, prefix + "offsets", {n_classes + 1});
        spec.isotonic.x = read_array<double>(file, prefix + "x", {any});
        spec.isotonic.y = read_array<double>(file, prefix + "y", {spec.isotonic.x.size()});
        try {
            calibration::validate(spec.isotonic, n_classes, "its calibration");
        } catch (const InvalidInputError& error) {
            refuse(error.what());
        }
    } else {
        refuse("its calibration is of a kind that this version does not know: " + kind.substr(0, 64));
    }
    return spec;
}

std::optional<DistributionCheck> read_distribution_check(const TensorFile& file, const JsonValue* description, const FittedPipeline& pipeline) {
    if (description == nullptr || description->is(Kind::null)) {
        return std::nullopt;
    }
    const JsonValue* const threshold = description->find("threshold");
    if (threshold == nullptr || !threshold->is_number() || !(threshold->number >= 0)) {
        refuse("the threshold of its out_of_distribution is not a number from 0 up");
    }
    DistributionCheck check;
    check.threshold = threshold->number;
    if (const JsonValue* const steps = description->find("steps")) {
        if (!steps->is(Kind::integer) || steps->integer < 0 || static_cast<std::uint64_t>(steps->integer) > pipeline.steps.size()) {
            refuse("the steps before its out_of_distribution are not a number from 0 to " + std::to_string(pipeline.steps.size()));
        }
        check.steps = static_cast<std::size_t>(steps->integer);
    }
    const std::size_t columns = FittedPipeline{pipeline.n_features_in, {pipeline.steps.begin(), pipeline.steps.begin() + static_cast<std::ptrdiff_t>(check.steps)}, {}}
                                    .input_columns()
                                    .size();
    check.ranges.center = read_array<double>(file, "out_of_distribution.center", {columns});
    check.ranges.scale = read_array<double>(file, "out_of_distribution.scale", {columns});
    require_all(check.ranges.center, "out_of_distribution.center", "finite", is_finite);
    require_all(check.ranges.scale, "out_of_distribution.scale", "finite and greater than 0", [](double s) { return std::isfinite(s) && s > 0; });
    return check;
}

std::optional<PredictionSets> read_prediction_sets(const TensorFile& file, const JsonValue* description, std::size_t n_classes) {
    if (description == nullptr || description->is(Kind::null)) {
        return std::nullopt;
    }
    PredictionSets sets;
    sets.score = text_of(*description, "score", "its prediction_sets");
    if (sets.score != "lac" && sets.score != "aps") {
        refuse("the score of its prediction_sets is neither lac nor aps");
    }
    sets.allow_empty = flag_of(*description, "allow_empty_sets");
    sets.quantiles = read_array<double>(file, "prediction_sets.quantiles", {n_classes});
    require_all(sets.quantiles, "prediction_sets.quantiles", "from 0 up", [](double q) { return q >= 0; });
    return sets;
}

}  // namespace emotion::runtime
