# Keeps one PostgreSQL cluster for as long as its standard input stays open, then stops it and removes its folder.
# The input is a pipe held by the test process, which the kernel closes however that process ends.
# Given by the environment: AINS_PG_BIN, AINS_PG_FOLDER, AINS_PG_SYNC and AINS_PG_SETTINGS.
# Each order is a line; each is answered by `done` or `failed`.

# A Ctrl-C at the terminal is for the tests; a test process that is gone reads no answer.
trap '' HUP INT TERM PIPE

data=$AINS_PG_FOLDER/data
log=$AINS_PG_FOLDER/postgres.log

while read -r order port; do
    case $order in
    init)
        "$AINS_PG_BIN/initdb" --pgdata="$data" --username=postgres --auth=trust --encoding=UTF8 --no-locale \
            ${AINS_PG_SYNC:+"$AINS_PG_SYNC"} >>"$log" 2>&1 &&
            printf '%s\n' "$AINS_PG_SETTINGS" >>"$data/postgresql.conf"
        ;;
    start) "$AINS_PG_BIN/pg_ctl" start --pgdata="$data" --log="$log" --wait --timeout=60 --options="-p $port" >>"$log" 2>&1 ;;
    crash) "$AINS_PG_BIN/pg_ctl" stop --pgdata="$data" --mode=immediate --wait >>"$log" 2>&1 ;;
    *) false ;;
    esac && echo "done" || echo "failed"
done

"$AINS_PG_BIN/pg_ctl" stop --pgdata="$data" --mode=immediate --wait >/dev/null 2>&1
rm -rf "$AINS_PG_FOLDER"
