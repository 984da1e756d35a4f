//! Whole specs, resolved.
