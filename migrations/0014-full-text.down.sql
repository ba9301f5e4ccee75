DROP TABLE full_text_position;
DROP TABLE resource_words;
