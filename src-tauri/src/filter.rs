//! Takes the network away from one WebKit view, in the engine itself: what a policy in the page's
//! headers does not cover (`<link rel=preconnect>`) does not get past it either.
#![expect(
    unsafe_code,
    reason = "the safe bindings of WebKitGTK lack UserContentFilterStore; this module is all of it"
)]

use core::ffi::CStr;
use core::ptr;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use webkit2gtk::ffi;
use webkit2gtk::glib::translate::{ToGlibPtr, from_glib_full};
use webkit2gtk::glib::{self, gobject_ffi};
use webkit2gtk::{UserContentManager, WebView, WebViewExt, gio};

const NAME: &CStr = c"no-network";

/// One rule per scheme: the compiler refuses alternatives (`|`), and then blocks nothing.
const RULES: &str = r#"[
    {"trigger": {"url-filter": "^https?:"}, "action": {"type": "block"}},
    {"trigger": {"url-filter": "^wss?:"}, "action": {"type": "block"}},
    {"trigger": {"url-filter": "^ftp:"}, "action": {"type": "block"}},
    {"trigger": {"url-filter": "^file:"}, "action": {"type": "block"}}
]"#;

type Done = Box<dyn FnOnce(Result<(), String>)>;

/// Carried through the engine's callback.
struct Pending {
    manager: UserContentManager,
    done: Done,
}

/// Compiles the rules in `folder`, installs them, then calls `done` on the main thread. Only after
/// it was called with `Ok` is the network gone.
pub(crate) fn deny_network(
    view: &WebView,
    folder: &Path,
    done: impl FnOnce(Result<(), String>) + 'static,
) {
    let Some(manager) = view.user_content_manager() else {
        return done(Err("the view has no content manager".to_owned()));
    };
    let Ok(folder) = CString::new(folder.as_os_str().as_bytes()) else {
        return done(Err("the folder's name cannot be used".to_owned()));
    };
    let rules = glib::Bytes::from_static(RULES.as_bytes());
    let pending = Box::new(Pending {
        manager,
        done: Box::new(done),
    });
    // SAFETY: all pointers are valid for the calls; the store, the name and the rules are kept alive
    // by the engine until `saved` ran, which takes `pending` back exactly once.
    unsafe {
        let store = ffi::webkit_user_content_filter_store_new(folder.as_ptr());
        ffi::webkit_user_content_filter_store_save(
            store,
            NAME.as_ptr(),
            rules.to_glib_none().0,
            ptr::null_mut(),
            Some(saved),
            Box::into_raw(pending).cast(),
        );
        gobject_ffi::g_object_unref(store.cast());
    }
}

/// # Safety
/// Called once by the engine, with the store and the `Pending` that `deny_network` gave it.
unsafe extern "C" fn saved(
    store: *mut gobject_ffi::GObject,
    result: *mut gio::ffi::GAsyncResult,
    pending: glib::ffi::gpointer,
) {
    // SAFETY: see above; a null filter comes with an error, which is ours to free.
    let Pending { manager, done } = *unsafe { Box::from_raw(pending.cast::<Pending>()) };
    let mut error = ptr::null_mut();
    let filter = unsafe {
        ffi::webkit_user_content_filter_store_save_finish(store.cast(), result, &raw mut error)
    };
    if filter.is_null() {
        let why = if error.is_null() {
            "no reason given".to_owned()
        } else {
            // SAFETY: checked for null; ours to free.
            unsafe { from_glib_full::<_, glib::Error>(error) }.to_string()
        };
        return done(Err(format!("the network filter could not be made: {why}")));
    }
    // SAFETY: the manager takes a reference of its own; the one that was returned is ours to drop.
    unsafe {
        ffi::webkit_user_content_manager_add_filter(manager.to_glib_none().0, filter);
        ffi::webkit_user_content_filter_unref(filter);
    }
    done(Ok(()));
}
