//! The real keeper process, and what its store says.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use domain::job::{Kind, State};
use keeper::Config;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::wait::until;

/// A running `nexus-keeper` and its files; the files outlive the process.
pub struct KeeperProcess {
    folder: PathBuf,
    child: Option<Child>,
}

impl KeeperProcess {
    /// Starts a keeper on that configuration, in its own folder.
    pub fn start(folder: &Path, config: &Config) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let text = toml::to_string(config).expect("a configuration");
        std::fs::write(folder.join("keeper.toml"), text).expect("a file");
        let mut keeper = Self { folder: folder.to_owned(), child: None };
        keeper.restart();
        keeper
    }

    /// Starts it again on the same files.
    pub fn restart(&mut self) {
        assert!(self.child.is_none(), "it still runs");
        let child = Command::new(env!("CARGO_BIN_EXE_nexus-keeper"))
            .args(["run", "--config"])
            .arg(self.folder.join("keeper.toml"))
            .env(
                "RUST_LOG",
                std::env::var("RUST_LOG").unwrap_or_else(|_| "keeper=debug,info".into()),
            )
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the keeper starts");
        self.child = Some(child);
    }

    /// SIGKILL: nothing in it gets to do anything.
    pub fn kill9(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it is gone");
    }

    /// SIGTERM, then its exit status.
    pub async fn terminate(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let pid = child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill");
        assert!(sent.success());
        until("the keeper's end", || {
            let status = child.try_wait().expect("it can be waited for");
            async move { status }
        })
        .await
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Whether the process is still there.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// A job's state as the store has it.
    pub fn job(&self, id: u64) -> Option<State> {
        let store = self.open()?;
        let sql = "SELECT state FROM jobs WHERE id = ?1";
        let text: Option<String> =
            store.query_row(sql, [id as i64], |row| row.get(0)).optional().ok()?;
        text.map(|text| serde_json::from_str(&text).expect("a state"))
    }

    /// Waits until a job is in that state.
    pub async fn reaches(&self, id: u64, kind: Kind) -> State {
        until(&format!("job {id} becomes {kind}, is {:?}", self.job(id).map(|s| s.kind())), || {
            let state = self.job(id).filter(|state| state.kind() == kind);
            async move { state }
        })
        .await
    }

    /// The texts of a job's log events.
    pub fn log(&self, id: u64) -> Vec<String> {
        self.column("SELECT text FROM events WHERE kind = 'log' AND job = ?1 ORDER BY cursor", id)
    }

    /// The states that a job went through.
    pub fn history(&self, id: u64) -> Vec<String> {
        self.column("SELECT text FROM events WHERE kind = 'state' AND job = ?1 ORDER BY cursor", id)
    }

    /// Contents from the store.
    pub fn blob(&self, hash: alloy::primitives::B256) -> Option<Vec<u8>> {
        let sql = "SELECT bytes FROM blobs WHERE hash = ?1";
        self.open()?.query_row(sql, [hash.as_slice()], |row| row.get(0)).optional().ok()?
    }

    /// A number from the store.
    pub fn count(&self, sql: &str) -> i64 {
        let store = self.open();
        store.and_then(|store| store.query_row(sql, [], |row| row.get(0)).ok()).unwrap_or(0)
    }

    fn column(&self, sql: &str, id: u64) -> Vec<String> {
        let Some(store) = self.open() else { return Vec::new() };
        let mut statement = store.prepare(sql).expect("a statement");
        let rows = statement.query_map([id as i64], |row| row.get(0)).expect("rows");
        rows.collect::<Result<_, _>>().expect("texts")
    }

    /// The store, once the keeper has made it.
    fn open(&self) -> Option<Connection> {
        let path = self.folder.join("keeper.db");
        let store = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
        let schema = store.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
        schema.is_ok_and(|schema| schema > 0).then_some(store)
    }
}

impl Drop for KeeperProcess {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill9();
        }
    }
}
