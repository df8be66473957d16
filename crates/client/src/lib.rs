//! Carries out the engine's effects: socket, local database, clock.
