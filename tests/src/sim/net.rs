//! The network: in-memory pipes with a faulty link between them. Bytes keep their order, as in TCP; they come late, in
//! pieces that end anywhere, or not at all, and an end may not be told that the other is gone.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use pli_env::{Dial, Peer, Stream};
use pli_proto::certificate::{self, Usage};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, copy, duplex, sink, split};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::world::{SERVER, World};

/// None: the link is up. Some: it carries nothing more, and these ends (client, server) are not told.
type Cut = Option<[bool; 2]>;
type Halves = (ReadHalf<DuplexStream>, WriteHalf<DuplexStream>);

/// The way from a client, and the way to it, among the blocked.
pub(crate) const UP: u32 = 1;
pub(crate) const DOWN: u32 = 1 << 16;

pub(crate) struct Net {
    /// Partitions: bit c stops what client c sends, bit 16 + c what it would get.
    pub(crate) blocked: watch::Sender<u32>,
    pub(crate) listener: Mutex<Option<mpsc::UnboundedSender<io::Result<Stream>>>>,
    pub(crate) root: Mutex<Option<[u8; 32]>>,
    links: Mutex<Vec<(usize, watch::Sender<Cut>)>>,
}

impl Default for Net {
    fn default() -> Self {
        let blocked = watch::channel(0).0;
        Self { blocked, listener: Mutex::default(), root: Mutex::default(), links: Mutex::default() }
    }
}

impl World {
    /// A partition stalls packets, as TCP does by resending; giving up is for the product's timeouts.
    async fn passable(&self, mask: u32) {
        let _ = self.net.blocked.subscribe().wait_for(|blocked| blocked & mask == 0).await;
    }

    pub(crate) async fn dial(self: Arc<Self>, client: usize, to: Dial) -> io::Result<Stream> {
        self.passable((UP | DOWN) << client).await;
        sleep(self.ms(60)).await;
        if (to.host.as_str(), to.port, to.server_name.as_str()) != ("server", 1, "pli.internal") {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.check_chain(&to.chain)?;
        let ((app, near), (far, peer)) = (duplex(1 << 16), duplex(1 << 16));
        let address = SocketAddr::from(([10, 0, 0, client as u8], 40_000));
        let peer = Stream::new(peer, Peer { address: Some(address), chain: to.chain.into() });
        let (cutter, cut) = watch::channel(None);
        let accepted = self.net.listener.lock().expect("no panic").as_ref().is_some_and(|l| l.send(Ok(peer)).is_ok());
        if !accepted {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let mut links = self.net.links.lock().expect("no panic while held");
        links.retain(|link| !link.1.is_closed());
        links.push((client, cutter));
        tokio::spawn(link(self.clone(), client, split(near), split(far), cut));
        Ok(Stream::new(app, Peer::default()))
    }

    /// What TLS would refuse on the server's side: a certificate of another root, or past its time.
    fn check_chain(&self, chain: &[CertificateDer<'static>]) -> io::Result<()> {
        let root = self.net.root.lock().expect("no panic while held").ok_or(io::ErrorKind::ConnectionRefused)?;
        if chain.is_empty() {
            return Ok(());
        }
        let chain: Vec<&[u8]> = chain.iter().map(|der| &der[..]).collect();
        let verified = certificate::verify_device(&root, &chain, Usage::Tls).map_err(io::Error::other)?;
        let now_s = (self.now_ms() / 1000) as i64;
        // The server's clock is the world's. Certificates begin a while ago, for clocks that are behind.
        if verified.not_after_s < now_s || verified.not_before_s > now_s {
            return Err(io::Error::other("certificate expired"));
        }
        Ok(())
    }

    /// Cuts every link of a host that died; the far ends get a reset or, as after a power cut, hear nothing.
    pub(crate) fn cut(&self, host: usize) {
        let untold = [self.below(2) == 0; 2];
        let here = usize::from(host == SERVER);
        if host == SERVER {
            *self.net.listener.lock().expect("no panic while held") = None;
        }
        for (_, cut) in
            self.net.links.lock().expect("no panic while held").iter().filter(|l| host == SERVER || host == l.0)
        {
            cut.send_modify(|cut| cut.get_or_insert(untold)[here] = false);
        }
    }

    /// Cuts one link, whoever's.
    pub(crate) fn cut_one(&self) {
        let (place, untold) = (self.below(64) as usize, [self.below(2) == 0, self.below(2) == 0]);
        let links = self.net.links.lock().expect("no panic while held");
        let up: Vec<_> = links.iter().filter(|link| !link.1.is_closed()).collect();
        if let Some((_, cut)) = up.get(place % up.len().max(1)) {
            cut.send_modify(|cut| *cut = cut.or(Some(untold)));
        }
    }

    /// Links whose ends were not told end now.
    pub(crate) fn tell_all(&self) {
        for (_, cut) in self.net.links.lock().expect("no panic while held").iter() {
            cut.send_if_modified(|cut| {
                cut.as_mut().is_some_and(|untold| {
                    *untold = [false; 2];
                    true
                })
            });
        }
    }
}

async fn link(w: Arc<World>, client: usize, mut near: Halves, mut far: Halves, mut cut: watch::Receiver<Cut>) {
    w.event(client, "link up");
    let up = pump(&w, UP << client, &mut near.0, &mut far.1);
    let down = pump(&w, DOWN << client, &mut far.0, &mut near.1);
    tokio::select! { biased; _ = cut.wait_for(|cut| cut.is_some()) => {} _ = up => {} _ = down => {} }
    w.event(client, "link down");
    // An end that is not told writes into the void until its owner gives up or dies.
    let hold = async |end: usize, mut halves: Halves, mut cut: watch::Receiver<Cut>| {
        let (told, mut void) = (cut.wait_for(|cut| cut.is_none_or(|untold| !untold[end])), sink());
        tokio::select! { biased; _ = told => {} _ = copy(&mut halves.0, &mut void) => {} }
    };
    tokio::join!(hold(0, near, cut.clone()), hold(1, far, cut));
}

/// One direction. Bytes keep their order; each chunk ends anywhere and has its own delay.
async fn pump(
    w: &World,
    mask: u32,
    from: &mut ReadHalf<DuplexStream>,
    to: &mut WriteHalf<DuplexStream>,
) -> io::Result<()> {
    let mut buf = vec![0; 1 << 14];
    loop {
        let faults = w.plan.faults && !w.calm.load(Ordering::SeqCst);
        let most = if faults && w.once_in(4) { 1 + w.below(64) } else { 1 << 14 };
        let n = from.read(&mut buf[..most as usize]).await?;
        sleep(w.ms(if faults && w.once_in(50) { 3_000 } else { 40 })).await;
        w.passable(mask).await;
        if n == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buf[..n]).await?;
    }
}
