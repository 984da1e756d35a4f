//! The pipeline, top to bottom: what the Launch effect does.
