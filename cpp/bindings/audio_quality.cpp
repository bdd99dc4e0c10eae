// The quality of recordings: names, limits, and the reasons that limits give.
#include "audio_quality.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "audio_input.hpp"
#include "emotion/audio/quality.hpp"

namespace emotion::bindings {
namespace {

using Limit = std::pair<const char*, double audio::QualityLimits::*>;
constexpr std::array<Limit, 6> limits{{{"least_duration_s", &audio::QualityLimits::least_duration_s},
                                       {"least_peak_dbfs", &audio::QualityLimits::least_peak_dbfs},
                                       {"least_speech_s", &audio::QualityLimits::least_speech_s},
                                       {"least_speech_ratio", &audio::QualityLimits::least_speech_ratio},
                                       {"most_clipped_ratio", &audio::QualityLimits::most_clipped_ratio},
                                       {"least_snr_db", &audio::QualityLimits::least_snr_db}}};

py::dict default_limits() {
    py::dict result;
    for (const auto& [name, member] : limits) {
        result[name] = audio::QualityLimits{}.*member;
    }
    return result;
}

// One text a row, empty where nothing is wrong or nothing was measured (NaN).
std::vector<std::string> quality_messages(const Array<double>& values, const py::dict& given) {
    const MatrixView<const double> rows = matrix(values, "values", "quality_messages");
    if (rows.cols != audio::quality_names.size()) {
        throw InvalidInputError("values", "quality_messages", std::to_string(audio::quality_names.size()) + " columns", shape_text(values));
    }
    audio::QualityLimits own;
    for (const auto& [name, member] : limits) {
        own.*member = given[name].cast<double>();
    }
    std::vector<std::string> messages;
    for (std::size_t r = 0; r < rows.rows; ++r) {
        const std::span<const double, audio::quality_names.size()> row(rows.data + r * rows.cols, rows.cols);
        messages.push_back(std::isnan(row[0]) ? std::string{} : audio::quality_message(audio::quality_from(row), own));
    }
    return messages;
}

}  // namespace

void add_quality(py::dict& info, const audio::ExtractInfo& extracted) {
    if (!extracted.quality) {
        return;
    }
    const auto values = audio::quality_values(*extracted.quality);
    for (std::size_t i = 0; i < values.size(); ++i) {
        info[py::str(std::string("quality_") + audio::quality_names[i])] = values[i];
    }
}

void register_audio_quality(py::module_& m) {
    m.attr("QUALITY_NAMES") = py::tuple(py::cast(std::vector<std::string>(audio::quality_names.begin(), audio::quality_names.end())));
    m.def("default_quality_limits", &default_limits, "The limits behind the reasons, by name.");
    m.def("quality_messages", &quality_messages, py::arg("values").noconvert(), py::arg("limits"),
          "'reason: text' of each row of values in the order of QUALITY_NAMES; '' where nothing is wrong.");
}

}  // namespace emotion::bindings
