//! Tests that need more than one crate: architecture, simulation, real processes, screens.
