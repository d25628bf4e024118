//! The GroupInfo beside a commit (RFC 9420 section 12.4.3). It lets a member come back by an external commit with nobody
//! online, so its form is part of what makes a commit count: byte for byte what an honest committer would write.

use openmls::messages::group_info::VerifiableGroupInfo;
use openmls::prelude::{MlsMessageBodyIn, MlsMessageIn, PublicGroup};
use pli_proto::signed;
use tls_codec::{DeserializeBytes as _, Serialize as _};

use crate::crypto;

use super::roster::Leaf;
use super::split_vector;

/// MLSMessage: version mls10, wire format mls_group_info.
const HEADER: [u8; 4] = [0, 1, 0, 4];
/// The extension type of external_pub.
const EXTERNAL_PUB: [u8; 2] = [0, 4];

/// Checks the form of the GroupInfo beside a commit by `committer`, after which the group stands as `after`. Gives the
/// external public key in it.
pub fn check<'a>(bytes: &'a [u8], after: &PublicGroup, committer: &Leaf) -> Option<&'a [u8]> {
    let rest = bytes.strip_prefix(&HEADER)?;
    let context = after.group_context().tls_serialize_detached().ok()?;
    let tag = after.confirmation_tag().tls_serialize_detached().ok()?;
    let (extensions, after_extensions) = split_vector(rest.strip_prefix(context.as_slice())?)?;
    let signer = after_extensions.strip_prefix(tag.as_slice())?;
    let (index, signature) = signer.split_first_chunk::<4>()?;
    if u32::from_be_bytes(*index) != committer.index {
        return None;
    }
    let to_be_signed = &rest[..rest.len() - signature.len()];
    let (signature, []) = split_vector(signature)? else { return None };
    if !crypto::verify(committer.key(), &signed::with_label("GroupInfoTBS", to_be_signed), signature) {
        return None;
    }
    external_pub(extensions)
}

/// The key in an extension list that holds external_pub alone.
fn external_pub(extensions: &[u8]) -> Option<&[u8]> {
    let (data, []) = split_vector(extensions.strip_prefix(&EXTERNAL_PUB)?)? else { return None };
    let (key, []) = split_vector(data)? else { return None };
    Some(key)
}

/// The external public key in a GroupInfo that was checked before.
pub fn external_pub_of(bytes: &[u8]) -> Option<Vec<u8>> {
    let info = parse(bytes)?;
    Some(info.extensions().external_pub()?.external_pub().as_slice().to_vec())
}

/// Parses an MLSMessage with a GroupInfo.
pub fn parse(bytes: &[u8]) -> Option<VerifiableGroupInfo> {
    match MlsMessageIn::tls_deserialize_exact_bytes(bytes).ok()?.extract() {
        MlsMessageBodyIn::GroupInfo(info) => Some(info),
        _ => None,
    }
}
