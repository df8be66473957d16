use super::*;

fn gather(flags: Layer, file: Option<&str>, env: &[(&str, &str)]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hither.toml");
    fs::write(&path, file.unwrap_or_default()).unwrap();
    Config::gather_from(flags, file.is_some().then_some(&*path), |name| {
        let found = env.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
    .map_err(|error| error.to_string())
}

#[test]
fn flags_beat_variables_beat_the_file_beats_defaults() {
    let flag = || Layer {
        listen: Some("127.0.0.1:1".parse().unwrap()),
        ..Layer::default()
    };
    let file = Some("listen = '127.0.0.1:3'");
    let env = [("HITHER_LISTEN", "127.0.0.1:2")];
    let none: [(&str, &str); 0] = [];
    for (flags, file, env, port, from) in [
        (flag(), file, &env[..], 1, Source::Flag),
        (Layer::default(), file, &env, 2, Source::Environment),
        (Layer::default(), file, &none, 3, Source::File),
        (
            Layer::default(),
            file,
            &[("HITHER_LISTEN", "")],
            3,
            Source::File,
        ),
        (Layer::default(), None, &none, 7480, Source::Default),
    ] {
        let mut env = env.to_vec();
        env.push(("HOME", "/home/ada"));
        let listen = gather(flags, file, &env).unwrap().listen;
        assert_eq!((listen.value.port(), listen.from), (port, from));
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (file, env, says) in [
        ("listne = 'x'", ("", ""), ["listne", "line 1"]),
        ("\n\nlisten = 7", ("", ""), ["listen", "line 3"]),
        (
            "listen = 'localhost'",
            ("", ""),
            ["listen", "socket address"],
        ),
        ("listen = ", ("", ""), ["line 1", "hither.toml"]),
        (
            "",
            ("HITHER_LISTEN", "x"),
            ["HITHER_LISTEN", "socket address"],
        ),
        (
            "",
            ("HITHER_INSECURE_HTTP", "yes"),
            ["HITHER_INSECURE_HTTP", "true"],
        ),
        ("", ("HITHER_CONFIG", "/nowhere.toml"), ["", ""]),
    ] {
        if env.0 == "HITHER_CONFIG" {
            let text = gather(Layer::default(), None, &[env]).unwrap_err();
            assert!(text.contains("/nowhere.toml"), "{text}");
            continue;
        }
        let text = gather(Layer::default(), Some(file), &[env]).unwrap_err();
        assert!(says.iter().all(|word| text.contains(word)), "{text}");
    }
}

#[test]
fn plain_http_stays_on_this_computer() {
    for (listen, insecure, fine) in [
        ("127.0.0.1:1", false, true),
        ("127.9.9.9:1", false, true),
        ("[::1]:1", false, true),
        ("[::ffff:127.0.0.1]:1", false, true),
        ("0.0.0.0:1", false, false),
        ("[::]:1", false, false),
        ("192.168.1.2:1", false, false),
        ("0.0.0.0:1", true, true),
    ] {
        let flags = Layer {
            data: Some("/data".into()),
            listen: Some(listen.parse().unwrap()),
            insecure_http: Some(insecure),
            ..Layer::default()
        };
        let checked = gather(flags, None, &[]).unwrap().listen();
        assert_eq!(checked.is_ok(), fine, "{listen}");
        if let Err(error) = checked {
            assert!(error.to_string().contains("--insecure-http"));
        }
    }
}

#[test]
fn a_public_url_is_an_origin() {
    for (url, fine) in [
        ("https://hither.example", true),
        ("http://127.0.0.1:7480/", true),
        ("hither.example", false),
        ("ftp://hither.example", false),
        ("https://hither.example/path", false),
    ] {
        let env = [("HITHER_PUBLIC_URL", url), ("HOME", "/home/ada")];
        let config = gather(Layer::default(), None, &env);
        assert_eq!(config.is_ok(), fine, "{url}");
        if let Err(text) = config {
            assert!(text.contains("HITHER_PUBLIC_URL"), "{text}");
        }
    }
}

#[test]
fn the_idle_threshold_has_bounds() {
    for (seconds, fine) in [("9", false), ("10", true), ("3600", true), ("3601", false)] {
        let env = [("HITHER_IDLE_AFTER_S", seconds), ("HOME", "/home/ada")];
        let config = gather(Layer::default(), None, &env).unwrap();
        assert_eq!(config.settings().is_ok(), fine, "{seconds}");
    }
}

#[test]
fn every_setting_comes_from_a_variable_and_from_the_file() {
    let known: Vec<_> = gather(Layer::default(), None, &[("HOME", "/home/ada")])
        .unwrap()
        .rows();
    assert_eq!(known.len(), SETTINGS.len());
    for ((key, variable), (row, shown, _)) in SETTINGS.iter().zip(known) {
        assert_eq!(*key, row);
        assert_eq!(*variable, format!("HITHER_{}", key.to_uppercase()));
        if shown == "-" {
            continue;
        }
        let env = [("HOME", "/home/ada"), (*variable, shown.as_str())];
        let config = gather(Layer::default(), None, &env).unwrap();
        let (_, again, from) = config.rows().into_iter().find(|row| row.0 == *key).unwrap();
        assert_eq!((again, from), (shown.clone(), Source::Environment), "{key}");
        let file = if shown.parse::<i64>().is_ok() || shown.parse::<bool>().is_ok() {
            format!("{key} = {shown}")
        } else {
            format!("{key} = '{shown}'")
        };
        let config = gather(Layer::default(), Some(&file), &env[..1]).unwrap();
        let (_, again, from) = config.rows().into_iter().find(|row| row.0 == *key).unwrap();
        assert_eq!((again, from), (shown, Source::File), "{key}");
    }
}

#[test]
fn lists_are_arrays_or_separated_by_commas() {
    let env = [
        ("HOME", "/home/ada"),
        ("HITHER_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8 ,fd00::/8"),
    ];
    let file = "origins = ['https://a.example', 'https://b.example:8443']";
    let config = gather(Layer::default(), Some(file), &env).unwrap();
    let text = config.to_string();
    assert!(
        text.contains(" 127.0.0.1, 10.0.0.0/8, fd00::/8  (environment)"),
        "{text}"
    );
    assert!(
        text.contains(" https://a.example, https://b.example:8443  (file)"),
        "{text}"
    );
}

#[test]
fn nonsense_says_what_would_make_sense() {
    for (key, value, says) in [
        ("HITHER_REQUESTS_PER_ADDRESS", "many", "100/s burst 1000"),
        ("HITHER_TRUSTED_PROXIES", "proxy", "10.0.0.0/8"),
        ("HITHER_ORIGINS", "a.example", "https://"),
        ("HITHER_HELLO_WITHIN_S", "0", "1 to 86400"),
        ("HITHER_LOG_FORMAT", "xml", "text or json"),
        ("HITHER_CONNECTIONS", "0", "connections is 0"),
        ("HITHER_TLS_CERT", "/nowhere.pem", "tls_key is missing"),
        ("HITHER_TLS_KEY", "/nowhere.pem", "tls_cert is missing"),
    ] {
        let env = [("HOME", "/home/ada"), (key, value)];
        let text = gather(Layer::default(), None, &env)
            .and_then(|config| config.settings().map_err(|error| error.to_string()))
            .unwrap_err();
        assert!(text.contains(says), "{key}: {text}");
    }
}

#[test]
fn retention_is_bounded_and_its_default_is_the_documented_one() {
    let settings = |file: &str| {
        let env = [("HOME", "/home/ada")];
        let config = gather(Layer::default(), Some(file), &env).unwrap();
        config.settings().map_err(|error| error.to_string())
    };
    assert_eq!(settings("").unwrap().retention, Retention::default());
    let short = settings("retention_days = 1\nretention_entries = 100").unwrap();
    assert_eq!(short.retention.age, Duration::from_hours(24));
    assert_eq!(short.retention.entries, 100);
    for (file, said) in [
        ("retention_days = 0", "1 to 3650"),
        ("retention_days = 3651", "1 to 3650"),
        ("retention_entries = 99", "100 to 1000000"),
        ("retention_entries = 1000001", "100 to 1000000"),
    ] {
        assert!(settings(file).unwrap_err().contains(said), "{file}");
    }
}
