//! Who may import whom. The folders show the architecture; this holds them to it.

#![allow(clippy::unwrap_used)] // in tests, a failed unwrap is a failed test

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The modules of a crate, in layers from the top: each imports from its own layer's line downwards, and never upwards.
/// Modules in one layer do not know each other.
const LAYERS: [(&str, &[&[&str]]); 2] = [
    (
        "core",
        &[
            &["ffi"],
            &["client"],
            &["sync", "timers"],
            &["conversations"],
            &["membership"],
            &["store"],
            &["transport", "clock", "content"],
            &["identity"],
            &["model"],
            &["error", "text"],
        ],
    ),
    ("kernel", &[&["identity"], &["group"], &["crypto"]]),
];

/// What the kernel does without.
const IMPURE: [&str; 8] = ["getrandom", "hyper", "pli-core", "pli-env", "pli-server", "rusqlite", "tokio", "tonic"];

#[test]
fn no_module_imports_from_a_layer_above() {
    let mut wrong = Vec::new();
    for (name, layers) in LAYERS {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src");
        let layer = |module: &str| layers.iter().position(|layer| layer.contains(&module));
        for file in files(&root) {
            let inside = file.strip_prefix(&root).unwrap();
            let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
            if module == "lib" {
                continue;
            }
            let own = layer(module).unwrap_or_else(|| panic!("{name}: {module} is in no layer"));
            for imported in imports(&fs::read_to_string(&file).unwrap()) {
                let is_below = layer(&imported).is_none_or(|other| other > own || imported == module);
                if !is_below {
                    wrong.push(format!("{name}/src/{}: {module} imports {imported}", inside.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_kernel_is_pure() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--offline", "-p", "pli-kernel", "-e", "normal", "--prefix", "none"]);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.starts_with("pli-kernel "), "{tree}");
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    let impure: Vec<_> = IMPURE.iter().filter(|impure| names.contains(impure)).collect();
    assert!(impure.is_empty(), "{impure:?}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let all = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    all.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The modules of its own crate that a source names.
fn imports(source: &str) -> Vec<String> {
    let name = |rest: &str| rest.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().unwrap().to_owned();
    source.split("crate::").skip(1).map(name).filter(|name| !name.is_empty()).collect()
}
