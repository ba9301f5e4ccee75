DROP TABLE resend;
