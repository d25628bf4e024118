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

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use imbl::Vector;
use pli_core::model::{ConversationId, ConversationInfo, EntryId, Member, TimelineItem};
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

use act::Outcome;
use keys::Effect;
use state::State;

/// How often the reader of keys looks whether the chat has ended.
const KEYS_POLL: Duration = Duration::from_millis(100);
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

/// What actions in the background tell.
type News = Result<Outcome, Failure>;

struct Chat {
    client: Client,
    state: State,
    conversations: Vector<ConversationInfo>,
    items: Vector<TimelineItem>,
    members: Vector<Member>,
    timeline: Option<Timeline>,
    item_steps: Steps<TimelineItem>,
    member_steps: Steps<Member>,
    news: (mpsc::UnboundedSender<News>, mpsc::UnboundedReceiver<News>),
    read_up_to: Option<EntryId>,
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
            news: mpsc::unbounded_channel(),
            read_up_to: None,
        })
    }

    async fn run(&mut self, terminal: &mut DefaultTerminal) -> Result<(), Failure> {
        let ended = Arc::new(AtomicBool::new(false));
        let mut keys = read_keys(ended.clone());
        let (mut connection, mut warning) = (self.client.state(), self.client.warning());
        let mut conversations = self.client.conversations().boxed();
        let (mut terminated, mut hung_up) = (listen_for(SignalKind::terminate())?, listen_for(SignalKind::hangup())?);
        let result = loop {
            self.state.now_ms = show::now_ms();
            self.state.connection = *connection.borrow_and_update();
            self.state.warning = *warning.borrow_and_update();
            if let Err(error) = terminal.draw(|frame| view::draw(frame, &self.state)) {
                break Err(Failure::new(Code::Failed, error.to_string()));
            }
            self.mark_read();
            tokio::select! {
                key = keys.recv() => match key {
                    Some(event) => if self.take(event).await? { break Ok(()) },
                    None => break Ok(()),
                },
                steps = conversations.next() => match steps {
                    Some(steps) => self.listed(steps).await?,
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
                Some(news) = self.news.1.recv() => match news {
                    Ok(Outcome::Opened(id)) => {
                        self.state.select(id);
                        self.follow();
                    }
                    Ok(Outcome::Done) => {}
                    Err(failure) => self.state.notice = Some(failure.message.replace('\n', " ")),
                },
                _ = terminated.recv() => break Ok(()),
                _ = hung_up.recv() => break Ok(()),
                changed = connection.changed() => if changed.is_err() { break Ok(()) },
                changed = warning.changed() => if changed.is_err() { break Ok(()) },
            }
        };
        ended.store(true, Ordering::Relaxed);
        self.keep_drafts().await;
        result
    }

    /// Takes what the terminal told; whether to quit.
    async fn take(&mut self, event: Event) -> Result<bool, Failure> {
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
            Effect::Quit => return Ok(true),
            Effect::Follow => {
                self.keep_drafts().await;
                self.follow();
            }
            Effect::LoadOlder => {
                if let Some(timeline) = &self.timeline {
                    timeline.load_older(OLDER).await?;
                }
            }
            Effect::Send { to, text, reply_to, mentions } => {
                let client = self.client.clone();
                self.begin(async move {
                    client.conversation(to).send(&text, reply_to, &mentions).await?;
                    client.conversation(to).set_draft("").await?;
                    Ok(Outcome::Done)
                });
            }
            Effect::Run { command, at, about } => {
                let (client, now_ms) = (self.client.clone(), self.state.now_ms);
                self.begin(async move { act::run(&client, command, at, about, now_ms).await });
            }
        }
        Ok(false)
    }

    fn begin(&self, action: impl Future<Output = News> + Send + 'static) {
        let news = self.news.0.clone();
        tokio::spawn(async move { news.send(action.await) });
    }

    async fn listed(&mut self, steps: Vec<VectorDiff<ConversationInfo>>) -> Result<(), Failure> {
        steps.into_iter().for_each(|step| step.apply(&mut self.conversations));
        self.state.conversations = self.conversations.iter().cloned().collect();
        if self.state.selected.is_none()
            && let Some(first) = self.state.conversations.first().map(|info| info.id)
        {
            self.state.select(first);
            self.follow();
        }
        Ok(())
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
            let client = self.client.clone();
            self.begin(async move {
                client.conversation(id).mark_read(last).await?;
                Ok(Outcome::Done)
            });
        }
    }

    /// Keeps what was written and not sent.
    async fn keep_drafts(&mut self) {
        let mut drafts: Vec<(ConversationId, String)> =
            self.state.drafts.iter().map(|(id, draft)| (*id, draft.clone())).collect();
        drafts.extend(self.state.selected.map(|id| (id, self.state.composer.text().to_owned())));
        for (id, draft) in drafts {
            let known = self.state.conversations.iter().find(|info| info.id == id);
            if known.is_some_and(|info| info.draft != draft)
                && let Err(error) = self.client.conversation(id).set_draft(&draft).await
            {
                self.state.notice = Some(Failure::from(error).message);
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
