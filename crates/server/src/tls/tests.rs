use std::path::Path;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tempfile::TempDir;

use super::*;

/// Writes a certificate for localhost that ends in a year, and its key.
fn write(folder: &Path, ends_in: i32) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = date_time_ymd(ends_in, 1, 1);
    let cert = params.self_signed(&key).unwrap();
    fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
}

fn load(folder: &TempDir) -> Result<Tls, String> {
    let folder = folder.path();
    Tls::load(&folder.join("cert.pem"), &folder.join("key.pem")).map_err(|it| it.to_string())
}

#[test]
fn the_end_of_a_certificate_is_known() {
    let folder = tempfile::tempdir().unwrap();
    for (year, ends) in [(2001, 978_307_200), (2090, 3_786_912_000)] {
        write(folder.path(), year);
        assert_eq!(load(&folder).unwrap().expires_at(), ends);
    }
}

#[test]
fn what_is_wrong_with_the_files_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name| folder.path().join(name);
    assert!(
        load(&folder)
            .unwrap_err()
            .contains("tls_cert cannot be read")
    );
    write(folder.path(), 2090);
    fs::remove_file(path("key.pem")).unwrap();
    assert!(
        load(&folder)
            .unwrap_err()
            .contains("tls_key cannot be read")
    );
    fs::copy(path("cert.pem"), path("key.pem")).unwrap();
    assert!(load(&folder).unwrap_err().contains("holds no private key"));
    fs::write(
        path("key.pem"),
        KeyPair::generate().unwrap().serialize_pem(),
    )
    .unwrap();
    assert!(load(&folder).unwrap_err().contains("does not belong"));
    for text in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA"] {
        fs::write(path("cert.pem"), text).unwrap();
        assert!(load(&folder).unwrap_err().contains("holds no certificate"));
    }
    let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    fs::write(path("cert.pem"), text).unwrap();
    assert!(
        load(&folder)
            .unwrap_err()
            .contains("no certificate that can be read")
    );
}

#[test]
fn files_that_make_no_sense_leave_the_old_certificate() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 2090);
    let tls = load(&folder).unwrap();
    let before = tls.expires_at();
    for (cert, year) in [(Some("half a certifi"), 2090), (None, 2091)] {
        match cert {
            Some(text) => fs::write(folder.path().join("cert.pem"), text).unwrap(),
            None => write(folder.path(), year),
        }
        tls.certificate.lock().looked -= LOOK_EVERY;
        assert_eq!(tls.expires_at() > before, year == 2091);
    }
}
