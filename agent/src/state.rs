//! The record on disk: atomic, fsynced, locked, with room kept for a full disk.
