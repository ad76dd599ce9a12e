//! A machine for the instructions that `torch.save` writes. It keeps values on a stack and calls nothing: whatever a
//! pickle calls must be one of the few names of [`Global`], and this program then does the work itself.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail};

use super::value::{Global, Heap, Storage, Value};

/// The most instructions in a pickle. No state dict comes near it: GPT-2 XL has 600 tensors of some 40 instructions
/// each.
const MOST_INSTRUCTIONS: usize = 2_000_000;

/// The most arguments of a function; PyTorch's have up to 7.
const MOST_ARGUMENTS: usize = 16;

/// One pickle being read.
struct Machine<'a, 'heap> {
    rest: &'a [u8],
    stack: Vec<Value<'a>>,
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    heap: &'heap mut Heap<'a>,
}

/// Reads one pickle from the beginning of `input`; returns its value and the rest of the input.
///
/// # Errors
/// If an instruction or a name occurs that no file of weights has, or the input ends in the middle.
pub(super) fn read<'a>(input: &'a [u8], heap: &mut Heap<'a>) -> Result<(Value<'a>, &'a [u8])> {
    let mut machine = Machine { rest: input, stack: Vec::new(), marks: Vec::new(), memo: HashMap::new(), heap };
    for _ in 0..MOST_INSTRUCTIONS {
        let instruction = machine.byte()?;
        if instruction == b'.' {
            let value = machine.pop()?;
            return Ok((value, machine.rest));
        }
        machine.step(instruction)?;
    }
    bail!("its pickle has more than {MOST_INSTRUCTIONS} instructions; a file of weights does not need them")
}

impl<'a> Machine<'a, '_> {
    fn step(&mut self, instruction: u8) -> Result<()> {
        match instruction {
            0x80 => self.protocol(),
            0x95 => self.take(8).map(drop),
            b'c' | 0x93 => self.global(instruction),
            b'q' | b'r' | 0x94 => self.remember(instruction),
            b'h' | b'j' => self.recall(instruction),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b')' | b']' | b'}' | b't' | 0x85..=0x87 => self.build_container(instruction),
            b'a' | b'e' | b's' | b'u' => self.add(instruction),
            b'Q' => self.storage(),
            b'R' | 0x81 => self.call(),
            b'b' => self.set_state(),
            _ => self.plain(instruction),
        }
    }

    fn protocol(&mut self) -> Result<()> {
        match self.byte()? {
            2..=5 => Ok(()),
            other => bail!("its pickle has protocol {other}; 2 to 5 are read"),
        }
    }

    /// Reads numbers, texts, bytes and the like.
    fn plain(&mut self, instruction: u8) -> Result<()> {
        let value = match instruction {
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'K' => Value::Integer(self.byte()?.into()),
            b'M' => Value::Integer(u16::from_le_bytes(self.array()?).into()),
            b'J' => Value::Integer(i32::from_le_bytes(self.array()?).into()),
            0x8a | 0x8b => self.long(instruction)?,
            b'G' => self.take(8).map(|_| Value::Other)?,
            b'X' | b'U' | b'T' | 0x8c | 0x8d => self.text(instruction)?,
            b'C' | b'B' | 0x8e => self.sized(instruction).map(|_| Value::Other)?,
            other => bail!(
                "its pickle has the instruction 0x{other:02x}{}, which no file of weights needs",
                printable(other)
            ),
        };
        self.push(value);
        Ok(())
    }

    fn long(&mut self, instruction: u8) -> Result<Value<'a>> {
        let bytes = self.sized(instruction)?;
        if bytes.len() > 8 {
            return Ok(Value::Long(bytes));
        }
        let sign = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
        let mut number = [sign; 8];
        number[..bytes.len()].copy_from_slice(bytes);
        Ok(Value::Integer(i64::from_le_bytes(number)))
    }

    fn text(&mut self, instruction: u8) -> Result<Value<'a>> {
        let bytes = self.sized(instruction)?;
        Ok(Value::Text(std::str::from_utf8(bytes).context("a text in its pickle is not UTF-8")?))
    }

    /// Reads the bytes of an instruction that begins with their number.
    fn sized(&mut self, instruction: u8) -> Result<&'a [u8]> {
        let length = match instruction {
            b'U' | b'C' | 0x8a | 0x8c => u64::from(self.byte()?),
            b'X' | b'T' | b'B' | 0x8b => u64::from(u32::from_le_bytes(self.array()?)),
            _ => u64::from_le_bytes(self.array()?),
        };
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn global(&mut self, instruction: u8) -> Result<()> {
        let (module, name) = match instruction {
            b'c' => (self.line()?, self.line()?),
            _ => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Text(module), Value::Text(name)) = (module, name) else {
                    bail!("its pickle is broken: a name that is not a text");
                };
                (module, name)
            }
        };
        let global = Global::find(module, name)?;
        self.push(Value::Global(global));
        Ok(())
    }

    fn remember(&mut self, instruction: u8) -> Result<()> {
        let key = match instruction {
            b'q' => self.byte()?.into(),
            b'r' => u32::from_le_bytes(self.array()?),
            _ => self.memo.len() as u32,
        };
        let value = *self.stack.last().context(EMPTY)?;
        self.memo.insert(key, value);
        Ok(())
    }

    fn recall(&mut self, instruction: u8) -> Result<()> {
        let key = match instruction {
            b'h' => self.byte()?.into(),
            _ => u32::from_le_bytes(self.array()?),
        };
        let value = *self.memo.get(&key).context("its pickle is broken: it recalls a value that it never kept")?;
        self.push(value);
        Ok(())
    }

    fn build_container(&mut self, instruction: u8) -> Result<()> {
        let items = match instruction {
            b't' => self.pop_to_mark()?,
            0x85..=0x87 => {
                let start = self.stack.len().checked_sub(usize::from(instruction - 0x84)).context(EMPTY)?;
                self.stack.split_off(start)
            }
            _ => Vec::new(),
        };
        let place = self.heap.container(items)?;
        self.push(match instruction {
            b']' => Value::List(place),
            b'}' => Value::Dict(place),
            _ => Value::Tuple(place),
        });
        Ok(())
    }

    /// Adds values to the list or dict below them on the stack.
    fn add(&mut self, instruction: u8) -> Result<()> {
        let items = match instruction {
            b'a' => vec![self.pop()?],
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                vec![key, value]
            }
            _ => self.pop_to_mark()?,
        };
        match (*self.stack.last().context(EMPTY)?, instruction) {
            (Value::List(place), b'a' | b'e') => self.heap.extend(place, items),
            (Value::Dict(place), b's' | b'u') if items.len().is_multiple_of(2) => self.heap.extend(place, items),
            (other, _) => bail!("its pickle is broken: it adds to {}", other.kind()),
        }
    }

    fn storage(&mut self) -> Result<()> {
        let id = self.pop()?;
        let storage = Storage::from_id(self.heap, id)?;
        self.heap.storages.push(storage);
        self.push(Value::Storage(self.heap.storages.len() - 1));
        Ok(())
    }

    fn call(&mut self) -> Result<()> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let Value::Global(global) = callee else {
            bail!("its pickle is broken: it calls {}", callee.kind());
        };
        let arguments = self.heap.tuple(arguments)?;
        if arguments.len() > MOST_ARGUMENTS {
            bail!("its pickle calls something with {} arguments, which a file of weights does not", arguments.len());
        }
        let arguments = arguments.to_vec();
        let made = global.call(self.heap, &arguments)?;
        self.push(made);
        Ok(())
    }

    /// Sets an object's state. What `torch.save` sets on a state dict is its metadata, which does not concern the
    /// tensors.
    fn set_state(&mut self) -> Result<()> {
        let _metadata = self.pop()?;
        match self.stack.last().context(EMPTY)? {
            Value::Dict(_) => Ok(()),
            other => bail!("its pickle sets the state of {}, which a file of weights does not do", other.kind()),
        }
    }

    fn push(&mut self, value: Value<'a>) {
        self.stack.push(value);
    }

    fn pop(&mut self) -> Result<Value<'a>> {
        self.stack.pop().context(EMPTY)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value<'a>>> {
        let mark = self.marks.pop().filter(|mark| *mark <= self.stack.len()).context(EMPTY)?;
        Ok(self.stack.split_off(mark))
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn array<const SIZE: usize>(&mut self) -> Result<[u8; SIZE]> {
        let mut bytes = [0; SIZE];
        bytes.copy_from_slice(self.take(SIZE)?);
        Ok(bytes)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).context("its pickle is cut off")?;
        self.rest = rest;
        Ok(taken)
    }

    fn line(&mut self) -> Result<&'a str> {
        let end = self.rest.iter().position(|byte| *byte == b'\n').context("its pickle is cut off")?;
        let line = self.take(end + 1)?;
        std::str::from_utf8(&line[..end]).context("a name in its pickle is not UTF-8")
    }
}

/// The message for a pickle that takes more from the stack than it has put there.
const EMPTY: &str = "its pickle is broken: it takes a value where there is none";

fn printable(instruction: u8) -> String {
    if instruction.is_ascii_graphic() { format!(" ({})", char::from(instruction)) } else { String::new() }
}
