//! A device: it enrols by a link, publishes, and opens its inbox (sections 6.2 and 7.2).

use data_encoding::BASE64URL_NOPAD;
use mls_rs::MlsMessage;
use pli_proto::pb;
use pli_proto::pb::directory_client::DirectoryClient;
use pli_proto::pb::enrolment_client::EnrolmentClient;
use pli_proto::pb::inbox_client::InboxClient;
use pli_proto::pb::key_packages_client::KeyPackagesClient;
use pli_proto::pb::log_client::LogClient;
use prost::Message as _;
use tonic::transport::Channel;

use super::bytes::random;
use super::certificate::{Usage, chain};
use super::connection::{MESSAGE_BYTES, connect, request};
use super::keys::{DeviceKey, verify};
use super::mls::{self, Client};
use super::{Result, content, ensure, hpke};

/// An enrolled device, online.
pub struct Device {
    pub(super) root: [u8; 32],
    /// The MLS key.
    pub(super) key: DeviceKey,
    /// The person's id.
    pub person: [u8; 16],
    /// The device's id.
    pub device: [u8; 16],
    pub(super) mls: Client,
    known: Channel,
    sealed: Channel,
    inbox_key: ([u8; 32], Vec<u8>),
}

impl Device {
    /// Enrols by an invitation link, and opens both connections.
    ///
    /// # Errors
    /// The link or the server's answer is not good.
    pub async fn enrol(link: &str) -> Result<Self> {
        let (address, secret) =
            link.strip_prefix("pli://").and_then(|link| link.split_once("/join#")).ok_or("no link")?;
        let secret: [u8; 48] = BASE64URL_NOPAD.decode(secret.as_bytes())?.as_slice().try_into()?;
        let (token, root) = secret.split_first_chunk::<16>().ok_or("no token")?;
        let root: [u8; 32] = root.try_into()?;

        // A connection without certificate serves to enrol, and from then on as the sealed one would.
        let mut enrolment = EnrolmentClient::new(connect(address, &root, None).await?);
        let hello = enrolment.hello(request(pb::HelloRequest {}, None)?).await?.into_inner();
        ensure((hello.oldest_protocol..=hello.newest_protocol).contains(&1), "another version")?;
        let (key, tls_key) = (DeviceKey::from_seed(random()), DeviceKey::from_seed(random()));
        let (public, tls_public) = (key.public(), tls_key.public());
        let parts = [&token[..], &public, &tls_public];
        let enrol = pb::EnrolRequest {
            token: token.to_vec(),
            mls_key: public.to_vec(),
            tls_key: tls_public.to_vec(),
            mls_signature: key.sign("Pli 1.0 Enrol", &parts),
            tls_signature: tls_key.sign("Pli 1.0 Enrol", &parts),
        };
        let enrolled = enrolment.enrol(request(enrol, None)?).await?.into_inner();
        let certificates = [enrolled.mls_certificate, enrolled.issuer.clone()];
        let tls_certificates = vec![enrolled.tls_certificate, enrolled.issuer];
        let named = chain(&certificates, &root, Usage::Mls)?;
        let tls_named = chain(&tls_certificates, &root, Usage::Tls)?;
        ensure(named.key == public && tls_named.key == tls_public, "a certificate of another key")?;
        for named in [&named, &tls_named] {
            let (person, device) = (&named.person[..], &named.device[..]);
            ensure((person, device) == (&enrolled.person, &enrolled.device), "a certificate of another device")?;
        }

        let known = connect(address, &root, Some((tls_certificates, tls_key.seed()))).await?;
        let mls = mls::client(root, &key, &certificates);
        let sealed = connect(address, &root, None).await?;
        let (person, device) = (named.person, named.device);
        Ok(Self { root, key, person, device, mls, known, sealed, inbox_key: hpke::derive(&random::<32>()) })
    }

    /// Publishes so many key packages, a last resort and the inbox key. How many are in stock.
    ///
    /// # Errors
    /// The server does not take them.
    pub async fn publish(&self, packages: usize) -> Result<u32> {
        let publish = pb::PublishBody {
            packages: (0..packages).map(|_| mls::key_package(&self.mls, false)).collect::<Result<_>>()?,
            last_resort: mls::key_package(&self.mls, true)?,
            inbox_key: self.inbox_key.1.clone(),
            inbox_key_signature: self.key.sign("Pli 1.0 Inbox Key", &[&self.device, &self.inbox_key.1]),
            replace: false,
        };
        let publish = self.ask("Pli 1.0 Publish", &publish).await?;
        let answer = KeyPackagesClient::new(self.known.clone()).publish(publish).await?.into_inner();
        ensure(answer.has_last_resort, "no last resort")?;
        Ok(answer.stock)
    }

    /// A request that the MLS key signs (section 1.5).
    async fn ask(&self, label: &str, body: &impl prost::Message) -> Result<tonic::Request<pb::DeviceRequest>> {
        let hello = EnrolmentClient::new(self.known.clone()).hello(request(pb::HelloRequest {}, None)?).await?;
        let (time_ms, body) = (hello.into_inner().server_time_ms, body.encode_to_vec());
        let signature = self.key.sign(label, &[&self.root, &self.device, &time_ms.to_be_bytes(), &body]);
        request(pb::DeviceRequest { time_ms, request: body, signature }, None)
    }

    /// Waits for an item in the inbox, opens it and acknowledges it.
    ///
    /// # Errors
    /// It does not open.
    pub async fn invitation(&self) -> Result<pb::Invitation> {
        let mut inbox = InboxClient::new(self.known.clone()).max_decoding_message_size(MESSAGE_BYTES);
        let mut pages = inbox.follow(request(pb::FollowRequest {}, None)?).await?.into_inner();
        let item = loop {
            let page = tokio::time::timeout(crate::PATIENCE, pages.message()).await??.ok_or("the stream ended")?;
            if let Some(item) = page.items.into_iter().next() {
                break item;
            }
        };
        let (kem_output, sealed) = item.sealed.split_at_checked(hpke::KEM_OUTPUT_BYTES).ok_or("too short an item")?;
        let plain = hpke::open(&self.inbox_key.0, b"Pli 1.0 inbox", &self.device, kem_output, sealed)?;
        let body = pb::AcknowledgeBody { up_to: item.number };
        inbox.acknowledge(self.ask("Pli 1.0 Acknowledge", &body).await?).await?;
        let Some(pb::delivered::What::Invitation(invitation)) = pb::Delivered::decode(&plain[..])?.what else {
            return Err("no invitation".into());
        };
        Ok(invitation)
    }

    /// A person in the directory, by name, and the one device that they have.
    pub(super) async fn find(&self, name: &str) -> Result<(Vec<u8>, pb::Device)> {
        let mut directory = DirectoryClient::new(self.known.clone());
        let page = directory.people(request(pb::PeopleRequest { since: 0 }, None)?).await?.into_inner();
        let person = page.people.into_iter().find(|person| person.name == name).ok_or("nobody of that name")?;
        let [device] = <[pb::Device; 1]>::try_from(person.devices).map_err(|_| "not one device")?;
        Ok((person.id, device))
    }

    /// Takes a key package of a person's device, and checks it (section 6.2).
    pub(super) async fn take(&self, person: &[u8], device: &pb::Device) -> Result<pb::DevicePackage> {
        let take = pb::TakeRequest { devices: vec![device.id.clone()], last_resort: false };
        let taken = KeyPackagesClient::new(self.sealed.clone()).take(self.at_door(take).await?).await?.into_inner();
        let [taken] = <[pb::DevicePackage; 1]>::try_from(taken.packages).map_err(|_| "not one package")?;
        let message = MlsMessage::from_bytes(&taken.package)?;
        let identity = message.as_key_package().ok_or("no key package")?.signing_identity();
        let named = mls::named(&self.root, identity)?;
        ensure(named.person == person && named.device[..] == device.id, "a package of another device")?;
        ensure(named.key[..] == device.mls_key && !device.revoked, "a package of another key")?;
        let signed = content("Pli 1.0 Inbox Key", &[&device.id, &taken.inbox_key]);
        verify(&device.mls_key, &signed, &taken.inbox_key_signature)?;
        Ok(taken)
    }

    /// Leaves an item in an inbox.
    pub(super) async fn deliver(&self, item: pb::DeliverRequest) -> Result<()> {
        InboxClient::new(self.sealed.clone()).deliver(self.at_door(item).await?).await?;
        Ok(())
    }

    /// The number of the newest line of the revocation list.
    pub(super) async fn revocations(&self) -> Result<u64> {
        let request = request(pb::RevocationsRequest { since: 0 }, None)?;
        Ok(DirectoryClient::new(self.known.clone()).revocations(request).await?.into_inner().number)
    }

    /// Logs, on the sealed connection, and a request's headers there.
    pub(super) fn logs(&self) -> LogClient<Channel> {
        LogClient::new(self.sealed.clone())
            .max_decoding_message_size(MESSAGE_BYTES)
            .max_encoding_message_size(MESSAGE_BYTES)
    }

    /// With the door key of now: it changes with each revocation.
    pub(super) async fn at_door<T>(&self, message: T) -> Result<tonic::Request<T>> {
        let door = EnrolmentClient::new(self.known.clone()).door(request(pb::DoorRequest {}, None)?).await?;
        request(message, Some(&door.into_inner().key))
    }
}
