DROP TABLE source_watermark, websocket_token, dead_letter, attempt, delivery_shard, subscription_cursor, match_batch,
  subscription_segment, group_event, filter_group, matching_position, log_epoch, search_string, search_quantity, search_number,
  search_date, resource, resource_version;
