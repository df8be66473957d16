//! The windows of Hither.
