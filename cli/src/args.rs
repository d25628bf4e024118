//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// An end-to-end encrypted messenger for administrations.
#[derive(Debug, Parser)]
#[command(name = "pli", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// The profile's folder; by default $PLI_PROFILE, or pli/profile in the data folder of the desktop
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) profile: Option<PathBuf>,
    /// Answer with one JSON object a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How long to wait for the server, in seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub(crate) wait: u64,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows it all: a server and twenty officials on this machine, who talk; and a verdict
    Demo(Demo),
    /// Runs a server; the first start founds its authority and prints the first invitation
    Serve(Serve),
    /// Makes invitations: one link a line
    Invite(Invite),
    /// Administers people and devices, also beside a running server
    Admin {
        /// The server's data folder
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        #[command(subcommand)]
        command: Admin,
    },
    /// What needs the root, also beside a running server
    Root {
        /// The server's data folder
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        #[command(subcommand)]
        command: Root,
    },
    /// Enrols this device with an invitation
    Join {
        /// The link, or - to read it from standard input
        link: String,
    },
    /// Lists the people of the organisation
    People {
        /// Words of a name or department
        query: Vec<String>,
    },
    /// Lists the conversations, the last active first
    Conversations,
    /// Opens the conversation with one person
    Pair {
        /// Name or id
        person: String,
    },
    /// Makes and changes groups
    Group {
        #[command(subcommand)]
        command: Group,
    },
    /// Says something
    Send {
        /// Name or id
        conversation: String,
        /// The text, or - to read it from standard input
        text: String,
        /// The message that it answers
        #[arg(long, value_name = "ID")]
        reply_to: Option<String>,
        /// Somebody to mention; may be given several times
        #[arg(long, value_name = "PERSON")]
        mention: Vec<String>,
    },
    /// Replaces what an own message says
    Edit {
        /// Name or id
        conversation: String,
        /// The message's id
        message: String,
        /// The text, or - to read it from standard input
        text: String,
        /// Somebody to mention; may be given several times. Without: whom the message mentioned, if the text still names them
        #[arg(long, value_name = "PERSON")]
        mention: Vec<String>,
    },
    /// Deletes a message for everyone
    Delete {
        /// Name or id
        conversation: String,
        /// The message's id
        message: String,
    },
    /// Reacts to a message; without emoji, takes the own reaction back
    React {
        /// Name or id
        conversation: String,
        /// The message's id
        message: String,
        /// One emoji
        emoji: Option<String>,
    },
    /// Prints a conversation, and marks it as read
    Read {
        /// Name or id
        conversation: String,
        /// Only the messages after this number, or after the message of this id; the oldest first
        #[arg(long, value_name = "NUMBER|ID")]
        since: Option<String>,
        /// So many at most: the newest (50 if absent), or with --since the oldest (1000)
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
        count: Option<u16>,
    },
    /// Fetches and sends what there is, and prints what came
    Sync,
    /// Prints messages as they come, until interrupted
    Watch,
    /// Lists the own devices
    Devices,
    /// Lets a further own device into the conversations of this one
    Approve {
        /// Its id
        device: String,
        /// The number that it shows; asked for if absent
        #[arg(long)]
        number: Option<String>,
    },
    /// Prints the number to compare with a person
    SafetyNumber {
        /// Name or id
        person: String,
        /// Note that it was compared
        #[arg(long)]
        verified: bool,
    },
    /// A full-screen chat
    Chat,
}

#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// How many officials
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(2..=500))]
    pub(crate) officials: u16,
    /// A script of one's own, as docs/cli.md describes
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
    /// How many texts; more than the script has are said by random speakers
    #[arg(long, value_name = "N")]
    pub(crate) messages: Option<usize>,
    /// What chance starts from
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Keep everything in this new folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Become one of the officials afterwards, in a chat
    #[arg(long)]
    pub(crate) stay: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// The server's data folder
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Where to listen, from now on; port 0 picks one. 127.0.0.1:4433 if it was never told
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// The address that links name from now on, if not the one listened on; "auto" takes it back
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) advertise: Option<String>,
    /// Describes the services to whoever asks (gRPC reflection), for developers
    #[arg(long)]
    pub(crate) reflection: bool,
    /// The organisation's name, at the first start
    #[arg(long, default_value = "Organisation")]
    pub(crate) organisation: String,
    /// The organisation's domain, at the first start
    #[arg(long, default_value = "pli.internal")]
    pub(crate) domain: String,
    /// The first administrator's name, at the first start
    #[arg(long, default_value = "Admin")]
    pub(crate) administrator: String,
}

#[derive(Args, Debug)]
pub(crate) struct Invite {
    /// The server's data folder
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// The new person's name
    #[arg(long, required_unless_present = "device_of")]
    pub(crate) name: Option<String>,
    /// Their department
    #[arg(long, default_value = "")]
    pub(crate) department: String,
    /// A guest's last day, such as 2027-03-31
    #[arg(long, value_name = "DATE")]
    pub(crate) guest_until: Option<String>,
    /// How many invitations, each for one device
    #[arg(long, default_value_t = 1)]
    pub(crate) count: u32,
    /// For a further device of this person
    #[arg(long, value_name = "PERSON", conflicts_with_all = ["name", "guest_until"])]
    pub(crate) device_of: Option<String>,
    /// How many hours the invitations may be used
    #[arg(long, value_name = "HOURS", default_value_t = 7 * 24, value_parser = clap::value_parser!(u64).range(1..=366 * 24))]
    pub(crate) valid_for: u64,
    /// The address that links name, if not the server's usual one
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) advertise: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Lists everybody
    People,
    /// Lists all devices
    Devices,
    /// Changes a person's name
    Rename {
        /// Name or id
        person: String,
        /// The new name
        name: String,
    },
    /// Revokes a device: a lost phone
    Revoke {
        /// Its id
        device: String,
    },
    /// Marks a person as departed, and revokes all their devices
    Depart {
        /// Name or id
        person: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Root {
    /// Lists the issuer in use and those that ended; needs no key
    Issuers,
    /// Ends the issuer, whose key was stolen or lost, and makes another; enrolled devices stay as they are
    ReplaceIssuer {
        /// The root's key, brought back from where it is kept
        #[arg(long, value_name = "FILE")]
        root: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Group {
    /// Makes a group
    Create {
        /// Its name
        name: String,
        /// Names or ids
        people: Vec<String>,
    },
    /// Adds people
    Add(GroupPeople),
    /// Removes people: what follows is closed to them
    Remove(GroupPeople),
    /// Makes members admins
    Promote(GroupPeople),
    /// Makes admins members
    Demote(GroupPeople),
    /// Lists who is in it
    Members {
        /// Name or id
        group: String,
    },
    /// Gives it another name
    Rename {
        /// Name or id
        group: String,
        /// The new name
        name: String,
    },
    /// Changes a setting: topic TEXT, lifetime off|7d|12h, may-add|may-remove|may-post|may-rename owner|admin|member|guest
    Set {
        /// Name or id
        group: String,
        /// Which
        key: String,
        /// To what
        value: String,
    },
    /// Leaves it
    Leave {
        /// Name or id
        group: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct GroupPeople {
    /// Name or id
    pub(crate) group: String,
    /// Names or ids
    #[arg(required = true)]
    pub(crate) people: Vec<String>,
}
