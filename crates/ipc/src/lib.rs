//! Frames View, Query and Command over the local socket; checks who is at the other end.
