use std::sync::Arc;

use super::SqliteStore;
use crate::store::contract::{Bed, contract_suite};
use crate::store::{Clock, DataFolder, Store};

struct Folder(tempfile::TempDir);

impl Default for Folder {
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Bed for Folder {
    fn open(&self, clock: Clock) -> Arc<dyn Store> {
        let folder = DataFolder::lock(self.0.path()).unwrap();
        Arc::new(SqliteStore::open(folder, clock).unwrap())
    }
}

contract_suite!(Folder);
