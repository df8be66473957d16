//! The cage: a window for a page that may be hostile.
//!
//! Every layer is there for what the others miss; `docs/decisions/0005-the-cage.md` says what each
//! of them stops. Where one cannot be installed, the message's text is shown instead of its page.

use core::time::Duration;
use std::sync::Arc;

use anyhow::Context;
use tauri::http::{Response, StatusCode, header};
use tauri::webview::{NewWindowResponse, PageLoadEvent};
use tauri::{AppHandle, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder};

use crate::rich::{Handover, SHOWN_PAGE, SHOWN_TEXT};

const SCHEME: &str = "h5";

/// Said with every answer of the scheme, errors included: a frame without it would be a way out.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
    font-src data:; media-src data:; base-uri 'none'; form-action 'none'; sandbox";

/// Nobody listens there, and nothing may: what gets past the other layers ends here.
const DEAD_PROXY: &str = "socks5://127.0.0.1:9";

/// WebKit compiles three rules.
const CLOSED_WITHIN: Duration = Duration::from_secs(30);

/// What the window shows, and where.
struct Page {
    label: String,
    url: Url,
    handover: Handover,
    /// Why the text is shown instead; decided before anything is loaded.
    missing: std::sync::OnceLock<String>,
}

/// Shows it, says on `say` what is on screen, and returns when the window is closed. `lifeline`
/// runs on a thread of its own; when it returns, the window closes.
pub(crate) fn show(
    handover: Handover,
    say: fn(&str),
    lifeline: impl FnOnce() + Send + 'static,
) -> anyhow::Result<()> {
    let page = Arc::new(Page::new(handover)?);
    let served = Arc::clone(&page);
    tauri::Builder::default()
        .register_uri_scheme_protocol(SCHEME, move |asked, request| {
            served.answer(asked.webview_label(), &request.uri().to_string())
        })
        .setup(move |app| {
            let window = window(app.handle(), &page, say)?;
            tauri::async_runtime::spawn(load(window, page));
            let app = app.handle().clone();
            std::thread::spawn(move || {
                lifeline();
                app.exit(0);
            });
            Ok(())
        })
        .run(crate::context())
        .context("the window for the rich message could not be opened")
}

/// An empty window with every layer that Tauri knows.
fn window(app: &AppHandle, page: &Arc<Page>, say: fn(&str)) -> anyhow::Result<WebviewWindow> {
    let only = page.url.clone();
    let shown = Arc::clone(page);
    let empty = WebviewUrl::External(Url::parse("about:blank")?);
    let window = WebviewWindowBuilder::new(app, &page.label, empty)
        .title(page.handover.caption())
        .inner_size(800.0, 700.0)
        .min_inner_size(360.0, 320.0)
        .visible(false)
        .disable_javascript()
        .incognito(true)
        .devtools(false)
        .disable_drag_drop_handler()
        .proxy_url(Url::parse(DEAD_PROXY)?)
        .on_navigation(move |url| *url == only)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_download(|_, _| false)
        .on_page_load(move |window, load| {
            if load.event() == PageLoadEvent::Finished && *load.url() == shown.url {
                // A window that cannot be shown is closed already.
                let _ = window.show();
                say(shown.missing.get().map_or(SHOWN_PAGE, |_| SHOWN_TEXT));
            }
        })
        .build()?;
    Ok(window)
}

/// Closes the cage, then lets the page in; or the text, when it stays open.
async fn load(window: WebviewWindow, page: Arc<Page>) {
    let closed = tokio::time::timeout(CLOSED_WITHIN, close(&window)).await;
    let closed = closed.unwrap_or_else(|_| Err("the network filter was not ready in time".into()));
    if let Err(missing) = closed {
        // Set once, here.
        let _ = page.missing.set(missing);
    }
    // A window that is gone already shows nothing.
    let _ = window.navigate(page.url.clone());
}

/// The layers of the engine itself.
#[cfg(target_os = "linux")]
async fn close(window: &WebviewWindow) -> Result<(), String> {
    use webkit2gtk::{SettingsExt, WebViewExt};

    let folder = tempfile::tempdir()
        .map_err(|error| format!("no folder for the network filter: {error}"))?;
    let path = folder.path().to_owned();
    let (done, closed) = tokio::sync::oneshot::channel();
    window
        .with_webview(move |webview| {
            let view = webview.inner();
            if let Some(settings) = view.settings() {
                settings.set_enable_javascript(false);
                settings.set_enable_javascript_markup(false);
                settings.set_enable_webgl(false);
                settings.set_enable_webaudio(false);
                settings.set_enable_page_cache(false);
                settings.set_enable_dns_prefetching(false);
                settings.set_enable_back_forward_navigation_gestures(false);
            }
            keep_copying_only(&view);
            crate::filter::deny_network(&view, &path, move |outcome| {
                // Whoever waited may have given up.
                let _ = done.send(outcome);
            });
        })
        .map_err(|error| error.to_string())?;
    closed.await.map_err(|_| "the window closed".to_owned())?
}

#[cfg(not(target_os = "linux"))]
async fn close(_: &WebviewWindow) -> Result<(), String> {
    Err("on this system the network cannot be taken away from a page".to_owned())
}

/// The engine's own menu can open and save what a link leads to.
#[cfg(target_os = "linux")]
fn keep_copying_only(view: &webkit2gtk::WebView) {
    use webkit2gtk::{ContextMenuAction, ContextMenuExt, ContextMenuItemExt, WebViewExt};

    view.connect_context_menu(|_, menu, _, _| {
        for item in menu.items() {
            let kept = [ContextMenuAction::Copy, ContextMenuAction::SelectAll];
            if !kept.contains(&item.stock_action()) {
                menu.remove(&item);
            }
        }
        false
    });
}

impl Page {
    fn new(handover: Handover) -> anyhow::Result<Self> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).context("this system gives no random numbers")?;
        let name = format!("{:032x}", u128::from_ne_bytes(random));
        Ok(Self {
            label: format!("h5-{name}"),
            url: Url::parse(&format!("{SCHEME}://{name}/"))?,
            handover,
            missing: std::sync::OnceLock::new(),
        })
    }

    fn answer(&self, label: &str, asked: &str) -> Response<Vec<u8>> {
        let ours = label == self.label && asked == self.url.as_str();
        let (status, body) = match self.missing.get() {
            _ if !ours => (StatusCode::NOT_FOUND, String::new()),
            None => (StatusCode::OK, self.handover.html.clone()),
            Some(why) => (StatusCode::OK, text_page(&self.handover.text, why)),
        };
        Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
            .header(header::CONTENT_SECURITY_POLICY, POLICY)
            .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
            .header(header::REFERRER_POLICY, "no-referrer")
            .header(header::CACHE_CONTROL, "no-store")
            .body(body.into_bytes())
            .expect("constant headers are valid")
    }
}

/// What is shown where the cage cannot be closed.
fn text_page(text: &str, why: &str) -> String {
    let [text, why] = [text, why].map(escaped);
    format!(
        "<!doctype html><meta name=color-scheme content='light dark'>\
         <style>body{{font:15px/1.5 system-ui,sans-serif;max-width:65ch;margin:24px}}\
         div{{white-space:pre-wrap;overflow-wrap:anywhere}}p{{opacity:.75}}</style>\
         <p>This message's page cannot be shown safely here ({why}). This is its text:</p>\
         <div>{text}</div>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use tauri::http::{StatusCode, header};

    use super::{POLICY, Page};
    use crate::rich::Handover;

    fn page() -> Page {
        let [publisher, title] = ["Bank".to_owned(), "Hi".to_owned()];
        let [html, text] = ["<h1>page</h1>".to_owned(), "a <b> & c".to_owned()];
        Page::new(Handover {
            publisher,
            title,
            html,
            text,
        })
        .unwrap()
    }

    #[test]
    fn every_answer_carries_the_policy_and_only_the_page_itself_is_served() {
        let page = page();
        let url = page.url.to_string();
        let cases = [
            (page.label.as_str(), url.clone(), StatusCode::OK),
            (
                page.label.as_str(),
                format!("{url}other"),
                StatusCode::NOT_FOUND,
            ),
            (
                page.label.as_str(),
                format!("{url}?query"),
                StatusCode::NOT_FOUND,
            ),
            (
                page.label.as_str(),
                "h5://elsewhere/".to_owned(),
                StatusCode::NOT_FOUND,
            ),
            ("main", url, StatusCode::NOT_FOUND),
        ];
        for (label, asked, status) in cases {
            let answer = page.answer(label, &asked);
            assert_eq!(answer.status(), status, "{label} {asked}");
            let headers = answer.headers();
            assert_eq!(headers[header::CONTENT_SECURITY_POLICY], POLICY);
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
            assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        }
    }

    #[test]
    fn without_a_layer_the_text_is_served_and_never_the_page() {
        let page = page();
        page.missing.set("no filter".to_owned()).unwrap();
        let body = page.answer(&page.label, page.url.as_str()).into_body();
        let body = String::from_utf8(body).unwrap();
        assert!(
            body.contains("a &lt;b&gt; &amp; c") && body.contains("no filter"),
            "{body}"
        );
        assert!(!body.contains("<h1>"), "{body}");
    }

    #[test]
    fn no_two_pages_share_a_name() {
        assert_ne!(page().label, page().label);
    }
}
