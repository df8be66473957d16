//! The trace.

use crate::tests::script::check_trace;

#[test]
fn every_decision_is_explained() {
    check_trace(
        "0s desktop d1 connects active 0s
         0s p1 registers
         10s message m1
         10s d1 shows m1
         20s message m2
         20s d1 shows m2
         24s d1 is idle 9s
         25s gateway takes p1 m2
         26s message m3 low
         27s settings {\"do_not_disturb\":\"on\"}
         28s message m4
         30s d1 is active 0s
         31s read m2",
        "10s m1 d1 alerted: someone is there, active for 10 s, input 10 s ago; p1 with the person
         20s m2 d1 alerted: someone is there, active for 20 s, input 20 s ago; p1 with the person
         24s m1 d1 showed it to someone: there was input afterwards, or someone was there
         24s m2 p1 pushed: handed over, shown elsewhere to nobody, with the person; d1 idle for 0 s, input 9 s ago
         25s m2 p1 is being reached by its push service: its push service said so
         26s m3 silent: its priority, or the choice for its publisher
         28s m4 waits: quiet times; d1 idle for 4 s, input 13 s ago; p1 with the person
         30s m2 waits: quiet times; d1 active for 0 s, input 0 s ago; p1 with the person",
    );
}
