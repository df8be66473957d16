//! Where this companion keeps its data and listens.

use std::io;
use std::path::PathBuf;

/// The places of one companion.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    /// History, token, lock.
    pub(crate) data: PathBuf,
    /// Where screens and the command line connect.
    pub(crate) socket: PathBuf,
    /// The data folder, where it was chosen by hand: the windows must look there too.
    pub(crate) chosen: Option<PathBuf>,
}

impl Paths {
    /// The places for a data folder chosen by hand, or for the person's usual one.
    pub(crate) fn new(chosen_data: Option<PathBuf>) -> io::Result<Self> {
        let socket = hither_ipc::socket_path(chosen_data.as_deref())?;
        let chosen = chosen_data.map(std::path::absolute).transpose()?;
        let data = match &chosen {
            Some(data) => data.clone(),
            None => hither_ipc::data_folder()?,
        };
        Ok(Self {
            data,
            socket,
            chosen,
        })
    }

    /// The file of the access token.
    pub(crate) fn token(&self) -> PathBuf {
        self.data.join("token.json")
    }
}
