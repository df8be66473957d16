//! What is about a device.

use crate::tests::script::check;

#[test]
fn what_is_about_a_device_rings_on_another_one() {
    check(
        "0s desktop d1 connects active 0s
         0s desktop d2 connects inactive 200s
         0s mobile p1 connects
         5s message m1 but-d1
         6s message m2 urgent but-p1
         20s end",
        "5s deliver m1 rings p1
         6s deliver m2 rings d1 d2",
    );
    check(
        "0s desktop d1 connects active 0s
         5s message m1 but-d1
         20s desktop d2 connects active 0s
         30s end",
        "5s deliver m1 silently
         20s alert d2 m1: Waiting",
    );
}

#[test]
fn what_went_to_some_devices_alone_rings_on_no_other() {
    check(
        "0s desktop d1 connects active 0s
         1s message m1 only-d1
         2s d1 shows m1
         3s mobile p1 connects
         4s d1 is inactive 4s
         5s d1 is active 0s",
        "1s deliver m1 rings d1
         5s alert d1 m1: Waiting",
    );
}
