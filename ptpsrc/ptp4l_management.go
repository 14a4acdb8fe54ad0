package ptpsrc

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/facebook/time/ptp/protocol"
)

// PTP management messages (IEEE 1588-2019 section 15) as ptp4l answers them on its Unix socket. The
// client of the packet library does not match an answer with its question and does not know two of
// the data sets, so questions and answers are made and read here.

const (
	managementHead = headerSize + 14 // with target, hops and action; table 56
	managementSize = managementHead + 6
	actionGet      = 0
	actionResponse = 2
	tlvManagement  = 0x0001
	tlvErrorStatus = 0x0002
)

// Data sets; those ending in NP are ptp4l's own (linuxptp tlv.h). Each type below is what one of
// them contains; fields that are of no interest are blank.
const (
	idDefaultDataSet   = uint16(protocol.IDDefaultDataSet)
	idCurrentDataSet   = uint16(protocol.IDCurrentDataSet)
	idParentDataSet    = uint16(protocol.IDParentDataSet)
	idTimeProperties   = uint16(protocol.IDTimePropertiesDataSet)
	idTimeStatusNP     = uint16(protocol.IDTimeStatusNP)
	idPortPropertiesNP = uint16(protocol.IDPortPropertiesNP)
	idGrandmasterNP    = 0xC001 // GRANDMASTER_SETTINGS_NP
)

type defaultDataSet struct {
	_        uint16
	Ports    uint16
	_        [6]byte
	Identity protocol.ClockIdentity
	Domain   uint8
	_        uint8
}

type currentDataSet struct {
	StepsRemoved  uint16
	_             int64 // the offset, which TIME_STATUS_NP has together with its time
	MeanPathDelay int64 // 2⁻¹⁶ ns
}

type parentDataSet struct {
	Parent      protocol.PortIdentity
	_           [9]byte
	Class       uint8
	Accuracy    uint8
	_           [3]byte
	Grandmaster protocol.ClockIdentity
}

type timeProperties struct {
	UTCOffset int16
	Flags     uint8
	Source    uint8
}

type timeStatus struct {
	MasterOffset int64 // ns; local clock − master
	IngressTime  int64 // ns; when the last Sync came in, by the local clock
	_            [22]byte
	Present      int32
	Grandmaster  protocol.ClockIdentity
}

// grandmasterSettings is what ptp4l would announce itself; its UTC offset is also the one that it
// counts with.
type grandmasterSettings struct {
	_         [4]byte
	UTCOffset int16 // s
	_         [2]byte
}

type portProperties struct {
	Port         protocol.PortIdentity
	State        protocol.PortState
	Timestamping uint8
	NameLength   uint8
	Name         [maxInterfaceName]byte // as far as it goes: PTPText, IEEE 1588-2019 section 5.3.9
}

func (p portProperties) name() string { return string(p.Name[:min(int(p.NameLength), len(p.Name))]) }

// question is one GET request and what its answer must match.
type question struct {
	id       uint16 // of the data set
	port     uint16 // of ptp4l; allPorts for what belongs to the clock
	domain   uint8
	sequence uint16
	from     protocol.PortIdentity
}

const allPorts = 0xffff

// encode makes the request. ptp4l ignores one whose length field is not right.
func (q question) encode() []byte {
	b := make([]byte, managementSize)
	b[0], b[1] = byte(protocol.MessageManagement), majorVersion
	binary.BigEndian.PutUint16(b[2:], managementSize)
	b[4] = q.domain
	putIdentity(b[20:], q.from)
	binary.BigEndian.PutUint16(b[30:], q.sequence)
	b[32], b[33] = 4, 0x7f // IEEE 1588-2019 tables 42 and 49
	putIdentity(b[34:], protocol.PortIdentity{ClockIdentity: protocol.DefaultTargetPortIdentity.ClockIdentity, PortNumber: q.port})
	b[46] = actionGet
	binary.BigEndian.PutUint16(b[48:], tlvManagement)
	binary.BigEndian.PutUint16(b[50:], 2)
	binary.BigEndian.PutUint16(b[52:], q.id)
	return b
}

func putIdentity(b []byte, id protocol.PortIdentity) {
	binary.BigEndian.PutUint64(b, uint64(id.ClockIdentity))
	binary.BigEndian.PutUint16(b[8:], id.PortNumber)
}

func getIdentity(b []byte) protocol.PortIdentity {
	return protocol.PortIdentity{
		ClockIdentity: protocol.ClockIdentity(binary.BigEndian.Uint64(b)),
		PortNumber:    binary.BigEndian.Uint16(b[8:]),
	}
}

// errOtherMessage: a datagram answers some other question.
var errOtherMessage = errors.New("not the answer")

// decode reads the answer into the data set, one of the types above, or returns errOtherMessage.
func (q question) decode(b []byte, set any) error {
	if len(b) < managementSize || b[0]&0xf != byte(protocol.MessageManagement) || b[1]&0xf != majorVersion {
		return errOtherMessage
	}
	if binary.BigEndian.Uint16(b[30:]) != q.sequence || b[4] != q.domain || getIdentity(b[34:]) != q.from || b[46]&0xf != actionResponse {
		return errOtherMessage
	}
	kind, size := binary.BigEndian.Uint16(b[48:]), int(binary.BigEndian.Uint16(b[50:]))
	tlv := b[managementHead+tlvHeadSize:]
	if length := int(binary.BigEndian.Uint16(b[2:])); length > len(b) || managementHead+tlvHeadSize+size > length || size < 2 {
		return unusable("ptp4l's answer has %d bytes, says that it has %d and that %d of them are data", len(b), length, size)
	}
	id, data := binary.BigEndian.Uint16(tlv), tlv[2:size]
	if q.id == idPortPropertiesNP && len(data) > 12 {
		data = append(data[:len(data):len(data)], make([]byte, maxInterfaceName)...) // the name is as long as it is
	}
	switch {
	case kind == tlvErrorStatus && size >= 4 && binary.BigEndian.Uint16(tlv[2:]) == q.id:
		return unusable("ptp4l does not tell data set 0x%04X: %v", q.id, protocol.ManagementErrorID(id))
	case kind != tlvManagement || id != q.id:
		return errOtherMessage
	case q.port != allPorts && binary.BigEndian.Uint16(b[28:]) != q.port:
		return errOtherMessage
	case len(data) < binary.Size(set):
		return unusable("ptp4l's data set 0x%04X has %d bytes, not %d", q.id, len(data), binary.Size(set))
	}
	if _, err := binary.Decode(data, binary.BigEndian, set); err != nil {
		return fmt.Errorf("decode ptp4l's data set 0x%04X: %w", q.id, err)
	}
	return nil
}
