package kv

// quorumReads asks a majority for all reads that wait, and for those that have come meanwhile when it has answered, as etcd does.
// So however many there are, one question is under way.
type quorumReads struct {
	waiting []quorumRead
	asked   *question
}

type quorumRead struct {
	key    string
	answer chan string // of one
}

type question struct {
	reads []quorumRead
	ticks int
}

// tick forgets a question that a change of leader may have swallowed, and has it asked again.
func (q *quorumReads) tick() {
	if q.asked == nil {
		return
	}
	if q.asked.ticks++; q.asked.ticks > 10 {
		q.waiting = append(q.asked.reads, q.waiting...)
		q.asked = nil
	}
}

func (q *quorumReads) ask(replica *Replica) {
	if q.asked != nil || len(q.waiting) == 0 {
		return
	}
	asked := &question{reads: q.waiting}
	q.asked, q.waiting = asked, nil
	replica.ReadByQuorum(func(get func(string) string) func() {
		if q.asked == asked {
			q.asked = nil
		}
		values := make([]string, len(asked.reads))
		for i, read := range asked.reads {
			values[i] = get(read.key)
		}
		return func() {
			for i, read := range asked.reads {
				select {
				case read.answer <- values[i]:
				default: // it was asked twice
				}
			}
		}
	})
}
