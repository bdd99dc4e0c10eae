// The typed errors of the core. The bindings translate each to the Python class of the same name (python/emotion_native/exceptions.py).
// Message form for parameters: `<parameter> of <caller> must be <rule>; got <value>`.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace emotion {

class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// A parameter or an array that breaks a documented rule.
class InvalidInputError : public Error {
public:
    using Error::Error;
    InvalidInputError(std::string_view parameter, std::string_view caller, std::string_view rule, std::string_view value)
        : Error(std::string(parameter) + " of " + std::string(caller) + " must be " + std::string(rule) + "; got " + std::string(value)) {}
};

// Media that cannot be turned into samples. `reason()` is one of the reason codes of a feature table
// (corrupt, unsupported_format, no_audio_track, too_short, silent, not_found, no_permission, too_long).
class MediaDecodeError : public Error {
public:
    MediaDecodeError(std::string reason, const std::string& message) : Error(message), reason_(std::move(reason)) {}
    [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

private:
    std::string reason_;
};

// A model file that is truncated, altered, of another format or of a newer version.
class ModelFormatError : public Error {
public:
    using Error::Error;
};

// A split that would let information about test speakers into training.
class LeakageError : public Error {
public:
    using Error::Error;
};

// Thrown by StopToken::check after a stop was requested. Never reaches users: the bindings turn it into the pending Python exception.
class Cancelled : public Error {
public:
    Cancelled() : Error("cancelled") {}
};

}  // namespace emotion
