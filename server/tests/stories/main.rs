//! The server's rules as stories, over real TLS on loopback with real SQLite files.

mod common;

mod directory;
mod door;
mod enrolment;
mod inbox;
mod key_packages;
mod limits;
mod logs;
mod restart;
mod rows;
mod seams;
mod streams;
mod thief;
mod tls;
