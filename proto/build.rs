//! Compiles the `.proto` files with protox, a protobuf compiler in Rust: no `protoc` is needed.

use std::path::PathBuf;

use prost::Message;

const FILES: [&str; 8] = [
    "pli/v1/device.proto",
    "pli/v1/enrolment.proto",
    "pli/v1/directory.proto",
    "pli/v1/key_packages.proto",
    "pli/v1/inbox.proto",
    "pli/v1/log.proto",
    "pli/v1/sealed.proto",
    "pli/v1/refusal.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=pli");
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    let services = "#[cfg(feature = \"grpc\")]";
    let build = tonic_prost_build::configure().client_mod_attribute(".", services).server_mod_attribute(".", services);
    build.compile_fds(descriptors)?;
    Ok(())
}
