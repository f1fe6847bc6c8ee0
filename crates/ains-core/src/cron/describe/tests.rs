use chrono_tz::Tz;

use crate::cron::Cron;

fn holds(table: &[(&str, &str)]) {
    for (text, words) in table {
        let cron = Cron::parse(text).unwrap_or_else(|error| panic!("`{text}`: {error}"));
        assert_eq!(
            cron.describe(Tz::Europe__Berlin),
            format!("{words}, Europe/Berlin"),
            "`{text}`"
        );
    }
}

#[test]
fn times_of_day_are_said_in_words() {
    holds(&[
        ("30 2 * * *", "at 02:30 every day"),
        ("0 9 * * MON-FRI", "at 09:00 on weekdays"),
        ("0 9,12,17 * * SAT,SUN", "at 09:00, 12:00 and 17:00 on weekends"),
        ("5 4 * * 7", "at 04:05 on Sundays"),
        (
            "0 0 * * THU-MON",
            "at 00:00 on Mondays, Thursdays, Fridays, Saturdays and Sundays",
        ),
        ("30 15 9 * * *", "at 09:15:30 every day"),
        ("* * * * *", "every minute"),
        ("* * * * * *", "every second"),
        ("*/15 * * * *", "every 15 minutes"),
        ("*/10 * * * * *", "every 10 seconds"),
        ("*/7 * * * *", "every 7th minute from 0 to 56 of every hour"),
        ("3/15 * * * *", "every 15th minute from 3 to 48 of every hour"),
        ("@hourly", "at minute 0 of every hour"),
        ("5,35 * * * *", "at minutes 5 and 35 of every hour"),
        ("0-10,30 * * * *", "at minutes 0 to 10 and 30 of every hour"),
        ("0,1 * * * *", "at minutes 0 and 1 of every hour"),
        ("30 * * * * *", "at second 30 of every minute"),
        (
            "30 */5 * * * *",
            "at second 30 of every 5th minute from 0 to 55 of every hour",
        ),
        (
            "*/30 0-4 * * * *",
            "at seconds 0 and 30 of minutes 0 to 4 of every hour",
        ),
        (
            "*/5 0 9-17 * * *",
            "every 5 seconds of minute 0 of hours 9 to 17 every day",
        ),
        (
            "*/5 * 9-17 * * *",
            "every 5 seconds from 09:00 to 17:59 every day",
        ),
        ("0 */6 * * *", "at 00:00, 06:00, 12:00 and 18:00 every day"),
        ("0 */2 * * *", "every 2 hours from 00:00 to 22:00 every day"),
        ("15 9-17 * * *", "every hour from 09:15 to 17:15 every day"),
        (
            "15 1-23/2 * * MON",
            "every 2 hours from 01:15 to 23:15 on Mondays",
        ),
        (
            "*/10 9-17 * * MON-FRI",
            "every 10 minutes from 09:00 to 17:59 on weekdays",
        ),
        (
            "* 22-2 * * *",
            "every minute from 00:00 to 02:59 and from 22:00 to 23:59 every day",
        ),
        (
            "*/20 1,5,9,13 * * *",
            "at minutes 0, 20 and 40 of every 4th hour from 1 to 13 every day",
        ),
        (
            "* 1,5,9,14 * * *",
            "every minute of hours 1, 5, 9 and 14 every day",
        ),
    ]);
}

#[test]
fn dates_are_said_in_words() {
    holds(&[
        ("* * 1 * *", "every minute on day 1 of the month"),
        ("* * * JUN *", "every minute every day in June"),
        ("@yearly", "at 00:00 on day 1 of January"),
        (
            "0 0 15,LW * *",
            "at 00:00 on day 15 and the last weekday of the month",
        ),
        ("0 0 L FEB,MAY *", "at 00:00 on the last day of February and May"),
        (
            "0 0 L-1,L-2 * *",
            "at 00:00 on the day before the last and the 2nd day before the last of the month",
        ),
        (
            "0 0 15W * *",
            "at 00:00 on the weekday nearest to day 15 of the month",
        ),
        ("0 0 1-7 * *", "at 00:00 on days 1 to 7 of the month"),
        (
            "0 0 */2 * *",
            "at 00:00 on every 2nd day from 1 to 31 of the month",
        ),
        ("0 0 * * MON#2", "at 00:00 on the second Monday of the month"),
        (
            "0 0 * NOV THU#4,FRIL",
            "at 00:00 on the fourth Thursday of November and the last Friday of November",
        ),
        (
            "0 0 * 6 MON,0L",
            "at 00:00 on Mondays in June and the last Sunday of June",
        ),
        ("0 0 13 * FRI", "at 00:00 on day 13 of the month and on Fridays"),
        ("0 0 1-31 * FRI", "at 00:00 every day"),
        (
            "0 0 */2 * MON",
            "at 00:00 on every 2nd day from 1 to 31 of the month, if it is a Monday",
        ),
        (
            "0 0 */10 * TUE,FRI#1",
            "at 00:00 on every 10th day from 1 to 31 of the month, if it is a Tuesday or the first Friday of the month",
        ),
    ]);
}
