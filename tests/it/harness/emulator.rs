//! One local AWS emulator for all tests of a run.

use std::ffi::OsString;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The endpoint of this run's emulator, started by whoever asks first. It dies with the test process, however that ends.
pub fn emulator() -> &'static str {
    static ENDPOINT: OnceLock<String> = OnceLock::new();
    ENDPOINT.get_or_init(|| {
        // Between choosing a port and listening on it, another process may take it.
        let mut failures = String::new();
        for _ in 0..3 {
            match start(free_port()) {
                Ok(endpoint) => return endpoint,
                Err(failure) => failures.push_str(&failure),
            }
        }
        panic!("the emulator doesn't start: {failures}");
    })
}

/// An account that no other test uses: what a test deploys, only it sees. The emulator takes it as access key id.
pub fn account() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(100_000_000_001);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}

/// A port on loopback that nobody listens on now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("its address").port()
}

/// The emulator's program: `$QFLEET_MINISTACK`, else where the other tools are.
pub fn find_ministack() -> PathBuf {
    if let Some(named) = std::env::var_os("QFLEET_MINISTACK") {
        return PathBuf::from(named);
    }
    std::env::split_paths(&tools_path())
        .map(|folder| folder.join("ministack"))
        .find(|candidate| candidate.is_file())
        .expect("the emulator, which `make tools` installs")
}

/// The PATH for everything that tests run: `make tools` puts python3 with boto3, cfn-lint and the emulator into the
/// first of its folders.
pub fn tools_path() -> OsString {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/venv/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(tools).chain(std::env::split_paths(&path))).expect("no colons in its folder")
}

pub(super) fn start(port: u16) -> Result<String, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let log = folder.path().join("log");
    let output = File::create(&log).map_err(|error| error.to_string())?;
    // The pipe from us closes when we end, be it by SIGKILL; then the reader ends the emulator, which the shell has
    // become.
    let script = "exec 3<&0; (cat <&3 >/dev/null; kill -9 $$) & exec 3<&-; exec \"$0\" </dev/null";
    let child = Command::new("sh")
        .args(["-c", script])
        .arg(find_ministack())
        .env_clear()
        .envs(
            ["PATH", "HOME", "TMPDIR"]
                .into_iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        )
        .env("MINISTACK_HOST", "127.0.0.1")
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port.to_string())
        .env("IOT_MTLS_ENABLED", "0")
        .env("SFTP_ENABLED", "0")
        .stdin(Stdio::piped())
        .stdout(output.try_clone().map_err(|error| error.to_string())?)
        .stderr(output)
        .process_group(0)
        .spawn()
        .map_err(|error| error.to_string())?;
    wait_until_up(child, port).map_err(|failure| {
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        format!("{failure}; it said:\n{said}\n")
    })
}

fn wait_until_up(mut child: Child, port: u16) -> Result<String, String> {
    let endpoint = format!("http://127.0.0.1:{port}");
    let agent = ureq::Agent::config_builder()
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(2)))
        .build()
        .new_agent();
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        if let Some(ended) = child.try_wait().map_err(|error| error.to_string())? {
            return Err(format!("it ended with {ended}"));
        }
        if agent.get(format!("{endpoint}/_ministack/health")).call().is_ok() {
            // Never dropped: that would close the pipe.
            std::mem::forget(child);
            return Ok(endpoint);
        }
        sleep(Duration::from_millis(25));
    }
    Err("it didn't answer within a minute".to_owned())
}
