//! Shows a hostile page outside the cage, to prove that the tests of the cage could fail.
//!
//! `cage-probe raw` shows the page on standard input in a window without any layer.
//! `cage-probe invoke LABEL` shows it with scripts on, in a window of that label, where all of
//! Hither's commands are registered. Standard output gets `loaded`, and each title the page sets.

use std::io::{Read, Write};

use tauri::http::{Response, header};
use tauri::webview::PageLoadEvent;
use tauri::{Url, WebviewUrl, WebviewWindowBuilder};

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let label = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["raw"] => "raw",
        ["invoke", label] => label,
        _ => return Err("cage-probe raw | cage-probe invoke LABEL".into()),
    }
    .to_owned();
    let mut html = String::new();
    std::io::stdin().read_to_string(&mut html)?;
    hither_window::with_commands(tauri::Builder::default())
        .register_uri_scheme_protocol("h5", move |_, _| {
            Response::builder()
                .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
                .body(html.clone().into_bytes())
                .expect("constant headers are valid")
        })
        .setup(move |app| {
            let page = WebviewUrl::CustomProtocol(Url::parse("h5://probe/")?);
            WebviewWindowBuilder::new(app, &label, page)
                .incognito(true)
                .on_page_load(|_, load| {
                    if load.event() == PageLoadEvent::Finished {
                        say("loaded");
                    }
                })
                .on_document_title_changed(|_, title| say(&title))
                .build()?;
            Ok(())
        })
        .run(hither_window::context())?;
    Ok(())
}

fn say(line: &str) {
    let mut out = std::io::stdout();
    // The test may have seen enough.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
