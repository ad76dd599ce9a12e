//! Cron expressions in civil time, misfires, quiet hours. (being built)

/// A parsed cron expression. (being built)
#[derive(Debug, Clone)]
pub struct CronExpression;
