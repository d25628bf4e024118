//! `pli chat`: conversation list, timeline, composer, members, on the whole screen.
//!
//! ```text
//!  keys ──→ State ──→ view (pure) ──→ terminal
//!  client's streams ─┘  └─→ Effect ──→ client
//! ```
//!
//! - [`state`]: what is shown. [`view`]: how. [`keys`], [`command`], [`composer`]: what the person does.
//! - [`act`]: doing it. [`text`]: widths and lines.

mod act;
mod command;
mod composer;
mod keys;
mod state;
mod text;
mod view;

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use imbl::Vector;
use pli_core::model::{ConversationId, ConversationInfo, ItemId, Member, TimelineItem};
use pli_core::{Client, Timeline, VectorDiff};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, DisableBracketedPaste, EnableBracketedPaste, Event};
use ratatui::crossterm::execute;
use tokio::signal::unix::SignalKind;
use tokio::sync::mpsc;

use crate::commands::listen_for;
use crate::failure::{Code, Failure};
use crate::profile::Profile;
use crate::show;
use crate::words::errors as words;

use command::Command;
use keys::Effect;
use state::State;

/// How often the reader of keys looks whether the chat has ended.
const KEYS_POLL: Duration = Duration::from_millis(100);
/// A pause in writing after which the draft is kept, whatever happens to the program.
const REST: Duration = Duration::from_secs(1);
/// Older items that scrolling to the top fetches.
const OLDER: usize = 100;

/// Chats with the profile in a folder.
pub(crate) async fn run(folder: Option<&Path>, wait_s: u64) -> Result<(), Failure> {
    check_terminal()?;
    Profile::with(folder, wait_s, async |profile| chat(&profile.client).await).await
}

/// A chat needs a terminal on both ends.
pub(crate) fn check_terminal() -> Result<(), Failure> {
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        Ok(())
    } else {
        Err(Failure::usage(words::NO_TERMINAL.text()))
    }
}

/// Chats with an open client, until the person quits.
pub(crate) async fn chat(client: &Client) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(Code::Failed, error.to_string());
    let mut terminal = ratatui::try_init().map_err(failed)?;
    // What a chat that was killed left on the screen.
    terminal.clear().map_err(failed)?;
    let _ = execute!(std::io::stdout(), EnableBracketedPaste);
    let result = Chat::new(client, &terminal).await;
    let result = match result {
        Ok(mut chat) => chat.run(&mut terminal).await,
        Err(failure) => Err(failure),
    };
    let _ = execute!(std::io::stdout(), DisableBracketedPaste);
    ratatui::restore();
    result
}

type Steps<T> = BoxStream<'static, Vec<VectorDiff<T>>>;

struct Chat {
    client: Client,
    state: State,
    conversations: Vector<ConversationInfo>,
    items: Vector<TimelineItem>,
    members: Vector<Member>,
    timeline: Option<Timeline>,
    item_steps: Steps<TimelineItem>,
    member_steps: Steps<Member>,
    /// Of what is done in the background.
    failures: (mpsc::UnboundedSender<Failure>, mpsc::UnboundedReceiver<Failure>),
    /// The drafts that were kept.
    kept: BTreeMap<ConversationId, String>,
    read_up_to: Option<ItemId>,
}

impl Chat {
    async fn new(client: &Client, terminal: &DefaultTerminal) -> Result<Self, Failure> {
        let size = terminal.size().map_err(|error| Failure::new(Code::Failed, error.to_string()))?;
        let me = client.me().await?.id;
        Ok(Self {
            client: client.clone(),
            state: State::new(me, (size.width, size.height)),
            conversations: Vector::new(),
            items: Vector::new(),
            members: Vector::new(),
            timeline: None,
            item_steps: futures_util::stream::pending().boxed(),
            member_steps: futures_util::stream::pending().boxed(),
            failures: mpsc::unbounded_channel(),
            kept: BTreeMap::new(),
            read_up_to: None,
        })
    }

    async fn run(&mut self, terminal: &mut DefaultTerminal) -> Result<(), Failure> {
        let ended = Arc::new(AtomicBool::new(false));
        let mut keys = read_keys(ended.clone());
        let (mut connection, mut warnings) = (self.client.state(), self.client.warnings());
        let mut conversations = self.client.conversations().boxed();
        let (mut terminated, mut hung_up) = (listen_for(SignalKind::terminate())?, listen_for(SignalKind::hangup())?);
        // What is typed at once has somewhere to go.
        if let Some(steps) = conversations.next().await {
            self.listed(steps);
        }
        let rest = tokio::time::sleep(REST);
        tokio::pin!(rest);
        let (mut written, mut is_unkept) = (String::new(), false);
        let result = loop {
            if self.state.composer.text() != written {
                written = self.state.composer.text().to_owned();
                is_unkept = true;
                rest.as_mut().reset(tokio::time::Instant::now() + REST);
            }
            self.state.now_ms = show::now_ms();
            self.state.connection = *connection.borrow_and_update();
            self.state.warnings.clone_from(&warnings.borrow_and_update());
            if let Err(error) = terminal.draw(|frame| view::draw(frame, &self.state)) {
                break Err(Failure::new(Code::Failed, error.to_string()));
            }
            self.mark_read();
            tokio::select! {
                key = keys.recv() => match key {
                    Some(event) => if self.take(event).await { break Ok(()) },
                    None => break Ok(()),
                },
                () = &mut rest, if is_unkept => {
                    self.keep_drafts().await;
                    is_unkept = false;
                }
                steps = conversations.next() => match steps {
                    Some(steps) => self.listed(steps),
                    None => break Ok(()),
                },
                Some(steps) = self.item_steps.next() => {
                    steps.into_iter().for_each(|step| step.apply(&mut self.items));
                    self.state.items = self.items.iter().cloned().collect();
                    show::learn(&mut self.state.names, &self.client, self.items.iter()).await;
                }
                Some(steps) = self.member_steps.next() => {
                    steps.into_iter().for_each(|step| step.apply(&mut self.members));
                    self.state.members = self.members.iter().cloned().collect();
                    // Somebody may have another name since.
                    self.state.names.clear();
                    show::learn(&mut self.state.names, &self.client, self.items.iter()).await;
                }
                Some(failure) = self.failures.1.recv() => self.state.tell(&failure),
                _ = terminated.recv() => break self.finish(&mut keys).await,
                _ = hung_up.recv() => break self.finish(&mut keys).await,
                changed = connection.changed() => if changed.is_err() { break Ok(()) },
                changed = warnings.changed() => if changed.is_err() { break Ok(()) },
            }
        };
        ended.store(true, Ordering::Relaxed);
        self.keep_drafts().await;
        result
    }

    /// Takes what was typed before the end and not looked at yet.
    async fn finish(&mut self, keys: &mut mpsc::UnboundedReceiver<Event>) -> Result<(), Failure> {
        while let Ok(event) = keys.try_recv() {
            if self.take(event).await {
                break;
            }
        }
        Ok(())
    }

    /// Takes what the terminal told, and does it before anything else is taken: what is sent keeps its order, and stays in
    /// the composer until the client has it on disk. Whether to quit.
    async fn take(&mut self, event: Event) -> bool {
        let effect = match event {
            Event::Key(key) => keys::press(&mut self.state, key),
            Event::Paste(text) => {
                keys::paste(&mut self.state, &text);
                Effect::Nothing
            }
            Event::Resize(columns, rows) => {
                self.state.size = (columns, rows);
                self.state.scroll = self.state.scroll.min(view::most_scroll(&self.state));
                Effect::Nothing
            }
            _ => Effect::Nothing,
        };
        match effect {
            Effect::Nothing => {}
            Effect::Quit => return true,
            Effect::Follow => {
                self.keep_drafts().await;
                self.follow();
            }
            Effect::LoadOlder => {
                if let Some(timeline) = &self.timeline
                    && let Err(error) = timeline.load_older(OLDER).await
                {
                    self.state.tell(&error.into());
                }
            }
            Effect::Send { to, text, reply_to, mentions } => {
                match self.client.conversation(to).send(&text, reply_to, &mentions).await {
                    Ok(_) => {
                        self.state.accepted();
                        // The draft went with it.
                        self.kept.insert(to, String::new());
                    }
                    Err(error) => self.state.tell(&error.into()),
                }
            }
            Effect::Run { command, at, about } => {
                let mentions = match &command {
                    Command::Edit(text) => self.state.mentioned(text),
                    _ => Vec::new(),
                };
                match act::run(&self.client, command, at, about, &mentions, self.state.now_ms).await {
                    Ok(opened) => {
                        self.state.accepted();
                        self.keep_drafts().await;
                        if let Some(id) = opened {
                            self.state.select(id);
                            self.follow();
                        }
                    }
                    Err(failure) => self.state.tell(&failure),
                }
            }
        }
        false
    }

    fn listed(&mut self, steps: Vec<VectorDiff<ConversationInfo>>) {
        steps.into_iter().for_each(|step| step.apply(&mut self.conversations));
        self.state.conversations = self.conversations.iter().cloned().collect();
        if self.state.selected.is_none()
            && let Some(first) = self.state.conversations.first().map(|info| info.id)
        {
            self.state.select(first);
            self.follow();
        }
    }

    /// Follows the selected conversation.
    fn follow(&mut self) {
        let Some(id) = self.state.selected else { return };
        let handle = self.client.conversation(id);
        let timeline = handle.timeline(None);
        (self.items, self.members) = (Vector::new(), Vector::new());
        self.item_steps = timeline.items().boxed();
        self.member_steps = handle.members().boxed();
        self.timeline = Some(timeline);
        self.read_up_to = None;
    }

    /// What is at the end of the screen was seen.
    fn mark_read(&mut self) {
        let is_kept = |item: &&TimelineItem| !matches!(item, TimelineItem::Said(message) if message.number == 0);
        let last = self.state.items.iter().rev().find(is_kept).map(TimelineItem::id);
        if self.state.scroll > 0 || last.is_none() || last == self.read_up_to {
            return;
        }
        self.read_up_to = last;
        if let (Some(id), Some(last)) = (self.state.selected, last) {
            let (client, failures) = (self.client.clone(), self.failures.0.clone());
            tokio::spawn(async move {
                if let Err(error) = client.conversation(id).mark_read(last).await {
                    let _ = failures.send(error.into());
                }
            });
        }
    }

    /// Keeps what was written and not sent.
    async fn keep_drafts(&mut self) {
        let mut drafts: Vec<(ConversationId, String)> =
            self.state.drafts.iter().map(|(id, draft)| (*id, draft.clone())).collect();
        drafts.extend(self.state.selected.map(|id| (id, self.state.composer.text().to_owned())));
        for (id, draft) in drafts {
            let listed = self.state.conversations.iter().find(|info| info.id == id).map(|info| &info.draft);
            let kept = self.kept.get(&id).or(listed);
            if kept.is_none_or(|kept| *kept != draft) {
                match self.client.conversation(id).set_draft(&draft).await {
                    Ok(()) => drop(self.kept.insert(id, draft)),
                    Err(error) => self.state.tell(&error.into()),
                }
            }
        }
    }
}

/// Reads keys on a thread of its own: the terminal can only be waited for by blocking.
fn read_keys(ended: Arc<AtomicBool>) -> mpsc::UnboundedReceiver<Event> {
    let (keys, pressed) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        while !ended.load(Ordering::Relaxed) {
            match event::poll(KEYS_POLL) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(_) => return,
            }
            let Ok(event) = event::read() else { return };
            if keys.send(event).is_err() {
                return;
            }
        }
    });
    pressed
}
