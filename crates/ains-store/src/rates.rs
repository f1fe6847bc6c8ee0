//! What was drawn of the limits of keys: one row for each key and length of window, which the next window takes over.

use ains_core::rate::{Draw, Drawn};
use ains_core::{KeyId, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use serde::Serialize;

use crate::connection::Conn;
use crate::error::StoreError;
use crate::set::SetQuery;
use crate::statement::{Statement, statement, values};

const T: &str = "rate_windows";

/// What a draw does with the row that is there: a later window takes it over, of the present one it takes what is
/// wanted or what is left, and if nothing is left it changes and returns nothing. An earlier window than the row's is
/// over; what is drawn of it is drawn of the row's.
macro_rules! or_draw {
    () => {
        " ON CONFLICT (key_id, period) DO UPDATE SET \
            window_start = CASE WHEN excluded.window_start > r.window_start \
                THEN excluded.window_start ELSE r.window_start END, \
            used = CASE WHEN excluded.window_start > r.window_start THEN excluded.used \
                WHEN r.used + excluded.granted < excluded.quota THEN r.used + excluded.granted \
                ELSE excluded.quota END, \
            quota = excluded.quota, \
            granted = CASE WHEN excluded.window_start > r.window_start THEN excluded.granted \
                WHEN r.used + excluded.granted < excluded.quota THEN excluded.granted \
                ELSE excluded.quota - r.used END \
            WHERE excluded.window_start > r.window_start OR r.used < excluded.quota \
            RETURNING period, window_start, used, granted"
    };
}

statement!(
    DrawOne = concat!(
        "INSERT INTO rate_windows AS r (key_id, period, window_start, used, quota, granted) VALUES (?, ?, ?, ?, ?, ?)",
        or_draw!()
    )
);

#[derive(Debug, Serialize)]
struct DrawRow<'a> {
    key_id: &'a str,
    period: &'static str,
    window_start: i64,
    used: u32,
    quota: u32,
    granted: u32,
}

#[derive(Debug, QueryableByName)]
struct DrawnRow {
    #[diesel(sql_type = Text)]
    period: String,
    #[diesel(sql_type = BigInt)]
    window_start: i64,
    #[diesel(sql_type = BigInt)]
    used: i64,
    #[diesel(sql_type = BigInt)]
    granted: i64,
}

/// Draws for `key`, at most once for each period: what each gave, in the order of `draws`; `None`: nothing is left.
/// However many draw at once, a window never gives more than its limit.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn draw(conn: &mut Conn, key: KeyId, draws: &[Draw]) -> Result<Vec<Option<Drawn>>, StoreError> {
    let key = key.to_string();
    let rows = draws.iter().map(|draw| {
        let granted = draw.block.min(draw.limit);
        DrawRow {
            key_id: &key,
            period: draw.period.as_str(),
            window_start: draw.window.as_micros(),
            used: granted,
            quota: draw.limit,
            granted,
        }
    });
    let drawn: Vec<DrawnRow> = match conn {
        Conn::Sqlite(c) => {
            let mut drawn = Vec::new();
            for row in rows {
                let numbers = [row.used, row.quota, row.granted].map(i64::from);
                let [used, quota, granted] = numbers;
                let values = values![row.key_id, row.period, row.window_start, used, quota, granted];
                drawn.extend(
                    Statement::<DrawOne>::new(values)
                        .get_result::<DrawnRow>(c)
                        .optional()?,
                );
            }
            drawn
        }
        Conn::Postgres(c) => SetQuery::new(
            "INSERT INTO rate_windows AS r SELECT * FROM json_populate_recordset(NULL::rate_windows, ",
            &rows.collect::<Vec<_>>(),
            concat!("::json)", or_draw!()),
        )?
        .load(c)?,
    };
    let of = |draw: &Draw| {
        let row = drawn.iter().find(|row| row.period == draw.period.as_str());
        row.map(DrawnRow::read).transpose()
    };
    draws.iter().map(of).collect()
}

impl DrawnRow {
    fn read(&self) -> Result<Drawn, StoreError> {
        let number = |value: i64| {
            u32::try_from(value).map_err(|_| StoreError::Corrupt {
                table: T,
                reason: format!("`{value}` is no number of requests"),
            })
        };
        Ok(Drawn {
            window: Timestamp::from_micros(self.window_start),
            granted: number(self.granted)?,
            used: number(self.used)?,
        })
    }
}
