//! The form of server-sent events (HTML Living Standard, §9.2.6).

/// A message, or only an id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Message {
    /// What it is called, if it has a name.
    pub(super) id: Option<String>,
    /// Its kind; empty if it has none.
    pub(super) event: String,
    /// What it says; empty if only an id was sent.
    pub(super) data: String,
}

/// Reads messages from pieces that are cut anywhere.
#[derive(Debug, Default)]
pub(super) struct Parser {
    /// The line that has not ended.
    line: Vec<u8>,
    message: Message,
}

impl Parser {
    /// The messages that end in this piece.
    pub(super) fn read(&mut self, piece: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        let mut rest = piece;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.line.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            let line = std::mem::take(&mut self.line);
            let line = String::from_utf8_lossy(&line);
            messages.extend(self.take(line.trim_end_matches('\r')));
        }
        self.line.extend_from_slice(rest);
        messages
    }

    fn take(&mut self, line: &str) -> Option<Message> {
        if line.is_empty() {
            let message = std::mem::take(&mut self.message);
            return (message != Message::default()).then_some(message);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        let message = &mut self.message;
        match field {
            "id" => message.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut message.event),
            "data" => {
                if !message.data.is_empty() {
                    message.data.push('\n');
                }
                message.data.push_str(value);
            }
            // Comments, and how long to wait, which this client decides.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_however_they_are_cut() {
        let text = "retry: 1000\n: following\nid: 7-end\n\nid: 8-0\r\nevent: task.created\r\ndata: {\"a\":\r\ndata:  \"ö\"}\r\n\r\n\
            : alive\n\nevent:ains.gap\ndata:x\n\ndata: unfinished\n";
        let expected = [
            ("7-end", "", ""),
            ("8-0", "task.created", "{\"a\":\n \"ö\"}"),
            ("", "ains.gap", "x"),
        ]
        .map(|(id, event, data)| Message {
            id: (!id.is_empty()).then(|| id.to_owned()),
            event: event.to_owned(),
            data: data.to_owned(),
        });
        for size in [1, 2, 3, 7, text.len()] {
            let mut parser = Parser::default();
            let read: Vec<Message> = text
                .as_bytes()
                .chunks(size)
                .flat_map(|piece| parser.read(piece))
                .collect();
            assert_eq!(read, expected, "in pieces of {size}");
        }
    }
}
