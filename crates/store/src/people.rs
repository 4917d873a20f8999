//! People: signing in, organisations, sessions.
