#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hither_engine::fuzzing::run("preview", bytes));
