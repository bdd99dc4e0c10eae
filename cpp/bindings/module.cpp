#include "rooms.hpp"

PYBIND11_MODULE(_core, m) {
    using namespace emotion::bindings;
    m.doc() = "The native core of emotion_native. Private: use the public modules.";
    register_errors(m);
    register_core(m);
    register_audio(m);
    register_preprocessing(m);
    register_sampling(m);
    register_model_selection(m);
    register_trees(m);
    register_boosting(m);
    register_forest_paths(m);
    register_linear(m);
    register_calibration(m);
    register_metrics(m);
    register_explain(m);
    register_fold_loop(m);
    register_runtime(m);
}
