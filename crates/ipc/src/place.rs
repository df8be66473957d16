//! Where things are: both processes must look in the same place.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

/// The person's own folder for Hither's data on this system. Not made here.
pub fn data_folder() -> io::Result<PathBuf> {
    let missing = || {
        io::Error::new(
            io::ErrorKind::NotFound,
            "this system names no home folder: choose a data folder with --data",
        )
    };
    if cfg!(windows) {
        let local = absolute("LOCALAPPDATA").ok_or_else(missing)?;
        return Ok(local.join("Hither"));
    }
    let home = env::home_dir().filter(|home| home.is_absolute());
    if cfg!(target_os = "macos") {
        let home = home.ok_or_else(missing)?;
        return Ok(home.join("Library/Application Support/Hither"));
    }
    absolute("XDG_DATA_HOME")
        .or_else(|| Some(home?.join(".local/share")))
        .map(|data| data.join("hither"))
        .ok_or_else(missing)
}

/// Where the companion over `data` listens: a Unix socket, or a named pipe on Windows. A data
/// folder chosen by hand has its own; the usual one listens in `$XDG_RUNTIME_DIR/hither/`, or in
/// the data folder on systems that have no such thing.
pub fn socket_path(chosen_data: Option<&Path>) -> io::Result<PathBuf> {
    let data = match chosen_data {
        Some(data) => std::path::absolute(data)?,
        None => data_folder()?,
    };
    if cfg!(windows) {
        return Ok(pipe_name(&data));
    }
    let runtime = absolute("XDG_RUNTIME_DIR").filter(|_| chosen_data.is_none());
    let folder = runtime.map_or(data, |runtime| runtime.join("hither"));
    Ok(folder.join("companion.sock"))
}

/// Where the window beside the companion at `companion` listens, for a second start that wants to
/// raise it and for the companion that quits.
#[must_use]
pub fn window_socket(companion: &Path) -> PathBuf {
    if cfg!(windows) {
        let mut name = companion.as_os_str().to_owned();
        name.push("-window");
        return name.into();
    }
    companion.with_file_name("window.sock")
}

/// Pipe names share one space per computer: the data folder, which is the person's own, makes
/// the name theirs.
fn pipe_name(data: &Path) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = data.to_string_lossy().chars().map(plain).collect();
    PathBuf::from(format!(r"\\.\pipe\hither-{name}"))
}

fn absolute(variable: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}
