//! Empty: see the folder above.
