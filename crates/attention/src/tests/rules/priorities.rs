//! Rule 8: priorities.

use crate::tests::script::check;

#[test]
fn urgent_rings_everywhere_at_once() {
    check(
        "0s desktop d1 connects active 0s
         0s desktop d2 connects inactive 200s
         0s mobile p1 connects
         0s p2 registers
         0s p1 registers
         0s p3 registers
         5s message m1 urgent
         6s p1 shows m1
         7s d1 is inactive 0s
         8s d1 is active 0s
         9s read m1",
        "5s deliver m1 rings d1 d2 p1
         5s push p2 m1
         5s push p3 m1
         9s cancel p2 m1
         9s cancel p3 m1",
    );
}

#[test]
fn urgent_that_nobody_showed_rings_again_with_the_next_device() {
    check(
        "0s desktop d1 connects inactive 200s
         5s message m1 urgent
         6s d1 shows m1
         30s mobile p1 connects
         31s p1 shows m1
         60s d1 is active 0s",
        "5s deliver m1 rings d1
         30s alert p1 m1: Waiting",
    );
}

#[test]
fn urgent_pushes_survive_the_return() {
    check(
        "0s desktop d1 connects inactive 200s
         0s p1 registers
         5s message m1 urgent
         6s d1 is active 0s
         6s d1 shows m1
         7s gateway refuses p1 m1
         8s read m1
         8s d1 says goodbye
         8s idle",
        "5s deliver m1 rings d1
         5s push p1 m1",
    );
}

#[test]
fn low_and_min_never_alert() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         5s message m1 low
         5s message m2 min
         6s d1 says goodbye
         7s p1 says goodbye
         8s idle",
        "5s deliver m1 silently
         5s deliver m2 silently",
    );
}
