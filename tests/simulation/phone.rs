//! The phone page as a model client: rings while its stream is open.

use std::collections::BTreeMap;

use hither_protocol::{ClientFrame, ClientInfo, Cursor, FirstAlert, MessageId, ServerFrame};

use crate::world::{Conn, Node, World};

#[derive(Default)]
pub(crate) struct Phone {
    /// Messages by id, and whether they are read.
    pub(crate) rows: BTreeMap<MessageId, bool>,
    pub(crate) rang: BTreeMap<MessageId, u64>,
    cursor: Option<Cursor>,
    pub(crate) conn: Option<Conn>,
}

impl Phone {
    pub(crate) fn connect(&mut self, world: &mut World) {
        if self.conn.is_none() {
            self.conn = Some(world.dial(Node::Phone));
        }
    }

    pub(crate) fn opened(&mut self, world: &mut World, conn: Conn) {
        let client = ClientInfo {
            name: "hither".into(),
            version: "0.1.0".into(),
        };
        let cursor = self.cursor.clone();
        world.send_up(
            conn,
            ClientFrame::Hello {
                access_token: None,
                cursor,
                client,
                presence: None,
            },
        );
    }

    pub(crate) fn disconnect(&mut self, world: &mut World) {
        if let Some(conn) = self.conn.take() {
            world.client_leaves(conn, true);
        }
    }

    pub(crate) fn lost(&mut self, conn: Conn) {
        if self.conn == Some(conn) {
            self.conn = None;
        }
    }

    pub(crate) fn frame(&mut self, world: &mut World, conn: Conn, frame: ServerFrame) {
        if self.conn != Some(conn) {
            return;
        }
        match frame {
            ServerFrame::Message {
                cursor,
                alert,
                message,
            } => {
                let fresh = !self.rows.contains_key(&message.id);
                self.rows
                    .entry(message.id)
                    .or_insert(message.read_at.is_some());
                self.cursor = Some(cursor.clone());
                world.send_up(conn, ClientFrame::Ack { cursor });
                if fresh && alert == FirstAlert::Now {
                    self.ring(world, conn, vec![message.id]);
                }
            }
            ServerFrame::Read { cursor, ids } => {
                for id in ids {
                    self.rows.insert(id, true);
                }
                self.cursor = Some(cursor);
            }
            ServerFrame::Alert { ids, .. } => self.ring(world, conn, ids),
            ServerFrame::Synced { cursor } => self.cursor = Some(cursor),
            _ => {}
        }
    }

    /// The person looks at the phone and reads what it rang for.
    pub(crate) fn reads(&mut self, world: &mut World) {
        let Some(conn) = self.conn else { return };
        let ids: Vec<_> = self
            .rang
            .keys()
            .filter(|id| self.rows.get(id) == Some(&false))
            .copied()
            .collect();
        if ids.is_empty() {
            return;
        }
        for id in &ids {
            self.rows.insert(*id, true);
        }
        world.send_up(conn, ClientFrame::Read { ids });
    }

    fn ring(&mut self, world: &mut World, conn: Conn, ids: Vec<MessageId>) {
        for id in &ids {
            *self.rang.entry(*id).or_default() += 1;
        }
        world.send_up(conn, ClientFrame::Shown { ids, stays: false });
    }
}
