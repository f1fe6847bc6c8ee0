//! The tables, as diesel sees them; the same on both databases.

diesel::table! {
    clients (client_id) {
        client_id -> Text,
        weight -> Double,
        updated_at -> BigInt,
    }
}

diesel::table! {
    agents (agent_id) {
        agent_id -> Text,
        public_key -> Text,
        display_name -> Text,
        description -> Nullable<Text>,
        endpoint -> Text,
        tags -> Text,
        labels -> Text,
        status -> Text,
        draining -> Bool,
        shared -> Bool,
        max_concurrency -> Integer,
        heartbeat_interval_seconds -> Integer,
        trust_score -> Double,
        average_seconds -> Nullable<Double>,
        completed -> BigInt,
        failed -> BigInt,
        last_completed_at -> Nullable<BigInt>,
        last_seen_at -> BigInt,
        silent_at -> BigInt,
        last_heartbeat_at -> Nullable<BigInt>,
        last_assigned_at -> Nullable<BigInt>,
        claims -> Bool,
        unresponsive -> Bool,
        created_at -> BigInt,
        updated_at -> BigInt,
        client_id -> Nullable<Text>,
    }
}

diesel::table! {
    agent_capabilities (capability_id) {
        capability_id -> Text,
        agent_id -> Text,
        name -> Text,
        description -> Text,
        input_schema -> Text,
        output_schema -> Text,
        pricing_model -> Text,
        price -> Double,
        latency_p99_ms -> BigInt,
        availability_percent -> Double,
        deprecated -> Bool,
        created_at -> BigInt,
    }
}

diesel::table! {
    trust_records (id) {
        id -> Text,
        agent_id -> Text,
        event -> Text,
        delta -> Double,
        score_before -> Double,
        score_after -> Double,
        reason -> Nullable<Text>,
        task_id -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    tasks (id) {
        id -> Text,
        client_id -> Text,
        task_type -> Text,
        capability -> Text,
        lane -> Text,
        heartbeat_needed -> Bool,
        status -> Text,
        gate -> Nullable<Text>,
        priority -> Integer,
        queue_key -> Nullable<BigInt>,
        routing_strategy -> Text,
        min_trust -> Double,
        timeout_seconds -> Integer,
        timeout_policy -> Text,
        heartbeat_timeout_seconds -> Nullable<Integer>,
        max_retries -> Integer,
        retry_policy -> Text,
        retry_count -> Integer,
        attempt -> Integer,
        lost_to -> Text,
        agent_id -> Nullable<Text>,
        claim_id -> Nullable<Text>,
        error -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
        assigned_at -> Nullable<BigInt>,
        started_at -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>,
        expires_at -> Nullable<BigInt>,
        run_at -> Nullable<BigInt>,
        due_at -> Nullable<BigInt>,
        lease_expires_at -> Nullable<BigInt>,
        input_data -> Nullable<Text>,
        metadata -> Nullable<Text>,
        result_data -> Nullable<Text>,
        usage_data -> Nullable<Text>,
        progress -> Nullable<Text>,
        gate_since -> Nullable<BigInt>,
        dependencies -> Integer,
        unresolved_dependencies -> Integer,
        results_from_dependencies -> Bool,
        graph_id -> Nullable<Text>,
        name -> Nullable<Text>,
        chain_id -> Nullable<Text>,
        chain_place -> Nullable<Text>,
        schedule_id -> Nullable<Text>,
        template_id -> Nullable<Text>,
    }
}

diesel::table! {
    task_chains (id) {
        id -> Text,
        client_id -> Text,
        name -> Text,
        status -> Text,
        current_step -> Integer,
        total_steps -> Integer,
        state -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        asked_at -> Nullable<BigInt>,
        schedule_id -> Nullable<Text>,
    }
}

diesel::table! {
    calendars (id) {
        id -> Text,
        client_id -> Text,
        name -> Text,
        description -> Nullable<Text>,
        dates -> Text,
        revision -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    scheduled_tasks (id) {
        id -> Text,
        client_id -> Text,
        name -> Text,
        definition -> Text,
        revision -> BigInt,
        standing -> Text,
        due_at -> Nullable<BigInt>,
        look_since -> Nullable<BigInt>,
        state -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    schedule_calendars (schedule_id, calendar_id) {
        schedule_id -> Text,
        calendar_id -> Text,
    }
}

diesel::table! {
    task_templates (id) {
        id -> Text,
        client_id -> Text,
        name -> Text,
        description -> Nullable<Text>,
        task_type -> Text,
        defaults -> Text,
        input_schema -> Nullable<Text>,
        revision -> BigInt,
        times_used -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    schedule_templates (schedule_id, template_id) {
        schedule_id -> Text,
        template_id -> Text,
    }
}

diesel::table! {
    chain_templates (chain_id, template_id) {
        chain_id -> Text,
        template_id -> Text,
    }
}

diesel::joinable!(schedule_templates -> scheduled_tasks (schedule_id));
diesel::allow_tables_to_appear_in_same_query!(schedule_templates, scheduled_tasks);

diesel::table! {
    schedule_slots (id) {
        id -> Text,
        schedule_id -> Text,
        slot_at -> BigInt,
        until -> Nullable<BigInt>,
        count -> BigInt,
        kind -> Text,
        state -> Text,
        reason -> Nullable<Text>,
        task_id -> Nullable<Text>,
        chain_id -> Nullable<Text>,
        open_run -> Nullable<Text>,
        buffered_at -> Nullable<BigInt>,
        fired_at -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>,
        outcome -> Nullable<Text>,
        decided_at -> BigInt,
    }
}

diesel::table! {
    chain_definitions (chain_id) {
        chain_id -> Text,
        definition -> Text,
        input -> Text,
    }
}

diesel::table! {
    chain_steps (chain_id, step) {
        chain_id -> Text,
        step -> Integer,
        items -> Nullable<Text>,
        output -> Nullable<Text>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(tasks, task_chains, task_dependencies);

diesel::table! {
    task_dependencies (task_id, depends_on_id, condition) {
        task_id -> Text,
        depends_on_id -> Text,
        condition -> Text,
        position -> Integer,
        resolved_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    unsettled_tasks (task_id) {
        task_id -> Text,
    }
}

diesel::table! {
    task_documents (task_id) {
        task_id -> Text,
        input_data -> Nullable<Text>,
        metadata -> Nullable<Text>,
    }
}

diesel::table! {
    task_attempts (task_id, attempt) {
        task_id -> Text,
        attempt -> Integer,
        agent_id -> Text,
        assigned_at -> BigInt,
        started_at -> Nullable<BigInt>,
        ended_at -> BigInt,
        outcome -> Text,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    api_keys (key_id) {
        key_id -> Text,
        name -> Text,
        description -> Nullable<Text>,
        client_id -> Nullable<Text>,
        agent_id -> Nullable<Text>,
        scopes -> Text,
        rate_limit_per_minute -> Nullable<BigInt>,
        rate_limit_per_hour -> Nullable<BigInt>,
        active -> Bool,
        created_at -> BigInt,
        updated_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    api_key_secrets (secret_sha256) {
        secret_sha256 -> Text,
        key_id -> Text,
        good_until -> Nullable<BigInt>,
    }
}

diesel::joinable!(api_key_secrets -> api_keys (key_id));
diesel::allow_tables_to_appear_in_same_query!(api_key_secrets, api_keys);

diesel::table! {
    idempotency_keys (scope, idempotency_key) {
        scope -> Text,
        idempotency_key -> Text,
        fingerprint -> Text,
        answer -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    counters (writer, name, minute) {
        writer -> Text,
        name -> Text,
        minute -> BigInt,
        value -> BigInt,
    }
}

diesel::table! {
    server_nodes (slot) {
        slot -> Integer,
        node_id -> Text,
        started_at -> BigInt,
        seen_at -> BigInt,
    }
}

diesel::table! {
    events (id) {
        id -> BigInt,
        position -> Nullable<BigInt>,
        recorded_at -> BigInt,
        told -> Text,
    }
}

diesel::table! {
    event_feed (id) {
        id -> Integer,
        last_position -> BigInt,
    }
}

diesel::table! {
    webhooks (id) {
        id -> Text,
        owner -> Text,
        url -> Text,
        events -> Text,
        active -> Bool,
        secret -> Text,
        previous_secret -> Nullable<Text>,
        previous_until -> Nullable<BigInt>,
        created_at -> BigInt,
        updated_at -> BigInt,
        clients_only -> Bool,
    }
}

diesel::table! {
    webhook_changes (id) {
        id -> Integer,
        version -> BigInt,
        active -> BigInt,
    }
}

diesel::table! {
    webhook_deliveries (number) {
        number -> BigInt,
        id -> Text,
        webhook_id -> Text,
        event_type -> Text,
        subject -> Text,
        body -> Text,
        state -> Text,
        attempt_count -> Integer,
        due_at -> Nullable<BigInt>,
        response_code -> Nullable<Integer>,
        error -> Nullable<Text>,
        created_at -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    audit_log (id) {
        id -> Text,
        event_type -> Text,
        action -> Text,
        last_action -> Nullable<Text>,
        client_id -> Nullable<Text>,
        key_id -> Nullable<Text>,
        agent_id -> Nullable<Text>,
        resource_type -> Nullable<Text>,
        resource_id -> Nullable<Text>,
        success -> Bool,
        error_message -> Nullable<Text>,
        extra_metadata -> Text,
        address -> Nullable<Text>,
        request_id -> Nullable<Text>,
        count -> BigInt,
        created_at -> BigInt,
        last_at -> BigInt,
    }
}

diesel::joinable!(webhook_deliveries -> webhooks (webhook_id));
diesel::allow_tables_to_appear_in_same_query!(webhook_deliveries, webhooks);
diesel::table! {
    rate_windows (key_id, period) {
        key_id -> Text,
        period -> Text,
        window_start -> BigInt,
        used -> BigInt,
        quota -> BigInt,
        granted -> BigInt,
    }
}

diesel::table! {
    key_usage (key_id, hour) {
        key_id -> Text,
        hour -> BigInt,
        requests -> BigInt,
    }
}
