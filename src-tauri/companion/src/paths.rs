//! Where this companion keeps its data and listens.

use std::io;
use std::path::PathBuf;

/// The places of one companion.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    /// The data folder, if it was chosen by hand; absolute.
    pub(crate) chosen: Option<PathBuf>,
    /// History, token, lock.
    pub(crate) data: PathBuf,
    /// Where screens and the command line connect.
    pub(crate) socket: PathBuf,
}

impl Paths {
    /// The places for a data folder chosen by hand, or for the person's usual one.
    pub(crate) fn new(chosen_data: Option<PathBuf>) -> io::Result<Self> {
        let chosen = chosen_data.map(std::path::absolute).transpose()?;
        let socket = hither_ipc::socket_path(chosen.as_deref())?;
        let data = match &chosen {
            Some(data) => data.clone(),
            None => hither_ipc::data_folder()?,
        };
        Ok(Self {
            chosen,
            data,
            socket,
        })
    }

    /// The file of which pop-ups are up.
    pub(crate) fn pop_ups(&self) -> PathBuf {
        self.data.join("pop-ups.json")
    }

    /// The file of the access token.
    pub(crate) fn token(&self) -> PathBuf {
        self.data.join("token.json")
    }
}
