//! Is a person at this computer? Idle, lock and sleep, per platform, behind one trait.
