//! x
use crate::args;
use crate::failure::Failure;
pub(crate) async fn run(_args: args::Demo, _json: bool) -> Result<(), Failure> { Ok(()) }
