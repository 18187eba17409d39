//! What do the bytes of an answer say, before anybody is shown them? Server-sent events, and which of them hold a first token
//! or an error, for each dialect. A look at a copy: edits nothing.
