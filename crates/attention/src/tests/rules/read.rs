//! Rule 7: read anywhere is read everywhere.

use crate::tests::script::check;

#[test]
fn reading_cancels_the_push_and_nothing_brings_it_back() {
    check(
        "0s p1 registers
         0s p2 registers
         5s message m1
         6s read m1
         7s gateway refuses p1 m1
         7s gateway takes p2 m1
         8s mobile p2 connects
         9s p2 shows m1
         10s desktop d1 connects active 0s
         11s p2 says goodbye
         12s p1 unregisters
         12s p2 unregisters
         13s d1 says goodbye
         60s idle",
        "5s deliver m1 silently
         5s push p1 m1
         6s cancel p1 m1",
    );
}

#[test]
fn withdrawn_is_forgotten_too() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         5s message m1
         5s message m2
         6s withdraw m1 m2
         7s d1 shows m1
         8s d1 is inactive 8s
         9s p1 says goodbye
         9s d1 says goodbye
         9s idle",
        "5s deliver m1 rings d1
         5s deliver m2 rings d1",
    );
}

#[test]
fn expiry_cancels_by_itself() {
    check(
        "0s p1 registers
         5s message m1 until 7s
         6s message m2 until 6s
         20s mobile p1 connects
         21s p1 says goodbye
         21s idle",
        "5s deliver m1 silently
         5s push p1 m1
         6s deliver m2 silently
         7s cancel p1 m1",
    );
}
