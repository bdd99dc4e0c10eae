#include "audio_input.hpp"
#include "rooms.hpp"

namespace emotion::bindings {

void register_audio(py::module_& m) {
    register_audio_clips(m);
    register_audio_features(m);
    register_audio_transforms(m);
    register_audio_spectral(m);
    register_audio_pitch(m);
    register_audio_quality(m);
    register_audio_stream(m);
}

}  // namespace emotion::bindings
